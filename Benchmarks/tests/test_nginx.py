import re
import unittest

from harness.nginx import ECHO_PAIR, NOOP_PAIR, ONE


class ConfigurationTests(unittest.TestCase):
    def test_a_noop_has_the_default_buffers_and_limits(self):
        for text in (*NOOP_PAIR.values(), *ONE.values()):
            self.assertIsNone(re.search(r"^ *\w*(buffer|max_body|backlog)", text, re.MULTILINE), text)

    def test_the_front_keeps_its_connections_to_the_backend(self):
        for front in (NOOP_PAIR["front"], ECHO_PAIR["front"]):
            for setting in ("keepalive 256;", "proxy_http_version 1.1;", 'proxy_set_header Connection "";'):
                self.assertIn(setting, front)

    def test_nothing_writes_a_line_per_request(self):
        for text in (*NOOP_PAIR.values(), *ECHO_PAIR.values(), *ONE.values()):
            self.assertIn("access_log off;", text)
        self.assertIn("log_not_found off;", ECHO_PAIR["backend"])

    def test_the_bodies_of_an_echo_fit_into_memory(self):
        for text in ECHO_PAIR.values():
            self.assertIn("client_body_buffer_size 1m;", text)
        count, kilobytes = re.search(r"proxy_buffers (\d+) (\d+)k;", ECHO_PAIR["front"]).groups()
        self.assertGreaterEqual(int(count) * int(kilobytes), 1024)

    def test_only_what_a_server_knows_when_it_starts_is_open(self):
        for text in (*NOOP_PAIR.values(), *ECHO_PAIR.values(), *ONE.values()):
            self.assertLessEqual(set(re.findall(r"\$\w+", text)),
                                 {"$folder", "$port", "$user", "$other_paths", "$request_body"})
