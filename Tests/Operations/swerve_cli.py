#!/usr/bin/env python3
"""`swerve`, the command line, against a real instance: `make test-operations`.

usage: swerve_cli.py SWERVE PROGRAM   (the built swerve, and the built entry-application)

The commands and what they print are in transcript.txt. `<name>` there stands for anything without spaces, the same
everywhere it is named; `…` for any text of a line; `⋮` for any lines. Columns may be wider."""

import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

SWERVE, PROGRAM = (Path(path).absolute() for path in sys.argv[1:3])
FOLDER = Path(__file__).parent
SECONDS = 60


class Step:
    def __init__(self, command):
        self.command = command
        self.lines = []
        self.code = 0


def steps(text):
    """The commands of a transcript with the lines that they print. `[exit N]` is the exit code, if it is not 0."""
    found = []
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        if line.startswith("$ "):
            found.append(Step(line[2:]))
        elif found and (code := re.fullmatch(r"\[exit (\d+)\]", line)):
            found[-1].code = int(code[1])
        elif found:
            found[-1].lines.append(line)
    for step in found:
        while step.lines and not step.lines[-1]:
            step.lines.pop()
    return found


def pattern(lines):
    """What the lines of a transcript match. Each name is captured once."""
    seen = set()

    def part(match):
        if match[0] == "…":
            return ".*"
        if match[1] in seen:
            return f"(?P={match[1]})"
        seen.add(match[1])
        return rf"(?P<{match[1]}>\S+)"

    def one(line):
        if line == "⋮":
            return r"(?:.*\n)*?"
        parts = re.split(r"(<[a-z]+>|…)", line)
        # How wide a column is does not matter.
        exact = [re.sub(r"(\\ ){2,}", " +", re.escape(text)) for text in parts[::2]]
        parts[::2] = exact
        parts[1::2] = [re.sub(r"<([a-z]+)>|…", part, text) for text in parts[1::2]]
        return "".join(parts) + "\n"

    return re.compile("".join(map(one, lines)))


class Instance:
    """An environment in which `swerve` starts an instance."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.values = {}
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "swerve").symlink_to(SWERVE)
        (self.folder / "program").symlink_to(PROGRAM)
        self.variables = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(self.folder), "TERM": "xterm-256color",
            "XDG_RUNTIME_DIR": str(self.folder), "LC_ALL": "C.UTF-8",
        }

    def run(self, command):
        return subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.variables, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)

    def fill(self, text):
        """The text with the values of the names that are known."""
        for name, value in self.values.items():
            text = text.replace(f"<{name}>", value)
        return text

    def end(self):
        if "pid" in self.values:
            self.run("swerve shutdown -y --address $SWERVE_ADDRESS")


class CommandLine(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="swerve-cli-")
        self.addCleanup(folder.cleanup)
        self.instance = Instance(folder.name)
        self.addCleanup(self.instance.end)

    def play(self, step):
        """Runs a command and compares what it prints."""
        instance = self.instance
        result = instance.run(instance.fill(step.command))
        wanted = pattern([instance.fill(line) for line in step.lines])
        text = result.stdout if result.stdout.endswith("\n") or not result.stdout else result.stdout + "\n"
        match = wanted.fullmatch(text)
        if not match or result.returncode != step.code:
            expected = "\n".join([f"$ {step.command}", *step.lines, f"[exit {step.code}]"])
            self.fail(f"expected:\n{expected}\n\ngot:\n{text}[exit {result.returncode}]")
        instance.values.update(match.groupdict())
        if address := instance.values.get("admin"):
            instance.variables["SWERVE_ADDRESS"] = address

    def test_the_transcript(self):
        for step in steps((FOLDER / "transcript.txt").read_text()):
            with self.subTest(step.command):
                self.play(step)
                continue
            return

    def start(self):
        for step in steps((FOLDER / "transcript.txt").read_text())[:1]:
            self.play(step)

    def tmux(self, *arguments):
        result = subprocess.run(["tmux", "-S", f"{self.instance.folder}/tmux", *arguments], capture_output=True,
                                text=True, timeout=SECONDS, check=False, env=self.instance.variables)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def screen(self, *arguments):
        return self.tmux("capture-pane", "-p", *arguments)

    def eventually(self, what, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                self.fail(f"{what}:\n{self.screen()}")
            time.sleep(0.05)

    def test_on_a_terminal_a_table_changes_in_place(self):
        self.start()
        self.tmux("new-session", "-d", "-x", "100", "-y", "30", "-c", str(self.instance.folder), "bash --norc")
        self.addCleanup(self.tmux, "kill-server")
        self.tmux("send-keys", "PS1='> '; clear", "Enter")
        self.eventually("no prompt", lambda: self.screen().startswith(">"))
        self.tmux("send-keys", "swerve run program:shouting", "Enter")
        self.eventually("it does not run", lambda: "shouting answers at" in self.screen())
        lines = self.screen().splitlines()
        # One table, however often it changed.
        self.assertEqual(sum("REPLICAS" in line for line in lines), 1, lines)
        self.assertTrue(any(re.match(r"shouting +running .* /shout", line) for line in lines), lines)
        self.assertTrue(any(re.match(r"  Shouter +healthy +2/2", line) for line in lines), lines)
        self.assertIn("\x1b[32mhealthy", self.screen("-e"))
        self.tmux("send-keys", "clear; NO_COLOR=1 swerve status", "Enter")
        self.eventually("no status", lambda: "pid" in self.screen())
        self.assertNotIn("\x1b[32m", self.screen("-e"))

    def test_a_question_on_a_terminal_can_be_answered_with_no(self):
        self.start()
        self.assertEqual(self.instance.run("swerve run program:shouting").returncode, 0)
        self.tmux("new-session", "-d", "-x", "100", "-y", "30", "-c", str(self.instance.folder), "bash --norc")
        self.addCleanup(self.tmux, "kill-server")
        self.tmux("send-keys", "clear; swerve shutdown; echo code $?", "Enter")
        self.eventually("no question", lambda: "This ends: shouting. Go on?" in self.screen())
        self.tmux("send-keys", "n", "Enter")
        self.eventually("it goes on", lambda: re.search(r"^code \d", self.screen(), re.M))
        self.assertEqual(self.instance.run("swerve status").returncode, 0)


class Reloading(unittest.TestCase):
    """`swerve run --reload` with a program outside a package: what is watched then is the program itself."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="swerve-cli-")
        self.addCleanup(folder.cleanup)
        self.instance = Instance(folder.name)
        self.addCleanup(self.instance.end)

    def test_a_new_build_takes_over(self):
        for step in steps((FOLDER / "transcript.txt").read_text())[:1]:
            CommandLine.play(self, step)
        program = self.instance.folder / "copy"
        subprocess.run(["cp", PROGRAM, program], check=True)
        command = ["swerve", "run", "copy:shouting", "--reload"]
        run = subprocess.Popen(command, cwd=self.instance.folder, env=self.instance.variables, text=True, bufsize=1,
                               executable=SWERVE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)

        def line(start):
            for text in run.stdout:
                if text.startswith(start):
                    return text
            self.fail(f"it ended without a line that starts with '{start}'")
        line("shouting answers at")
        line("watching")
        before = self.processes()
        # The same program to the compiler, another one to the instance.
        subprocess.run(["cp", PROGRAM, f"{program}.new"], check=True)
        subprocess.run(["strip", "--strip-debug", f"{program}.new"], check=True)
        os.replace(f"{program}.new", program)
        line("changed: ")
        line("shouting answers at")
        self.assertEqual(len(self.processes()), len(before))
        with urllib.request.urlopen(f"{self.instance.values['http']}/shout", timeout=SECONDS) as answer:
            self.assertEqual(answer.read(), b"HELLO!")

    def processes(self):
        return set(re.findall(r"pid (\d+)", self.instance.run("swerve status").stdout))


class Collector:
    """Takes spans as a collector does, and keeps the exports as they came. Texts in them are plain."""

    def __init__(self):
        self.heads, self.exports = [], []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                collector.heads.append(dict(self.headers))
                collector.exports.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def has(self, *texts):
        found = b"".join(self.exports)
        return all(text.encode() in found for text in texts)


class LogsAndTracing(unittest.TestCase):
    """What an operator says of them without code, and what comes out."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="swerve-cli-")
        self.addCleanup(folder.cleanup)
        self.instance = Instance(folder.name)
        self.addCleanup(self.instance.end)
        self.collector = Collector()
        self.addCleanup(self.collector.close)

    def start(self, arguments):
        """Starts an instance, and says where it answers HTTP."""
        result = self.instance.run(f"swerve start --admin-port 0 --state st {arguments}")
        self.assertEqual(result.returncode, 0, result.stdout)
        values = dict(re.findall(r"^(HTTP|dashboard) +(\S+)$", result.stdout, re.M))
        self.instance.values["pid"] = re.search(r"process (\d+)", result.stdout)[1]
        self.instance.variables["SWERVE_ADDRESS"] = values["dashboard"]
        return values["HTTP"]

    def eventually(self, what, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, what())
            time.sleep(0.05)

    def shout(self, address):
        with urllib.request.urlopen(f"{address}/shout", timeout=SECONDS) as answer:
            self.assertEqual(answer.read(), b"HELLO!")

    def requests(self, folder):
        """The lines of requests in the files of proxies."""
        lines = [line for file in (self.instance.folder / folder).glob("proxy*.log") for line in
                 file.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if record["message"] == "request"]

    def check(self, address, folder, service):
        self.assertEqual(self.instance.run("swerve run program:shouting").returncode, 0)
        self.shout(address)
        self.eventually(lambda: "no line in JSON", lambda: self.requests(folder))
        record = self.requests(folder)[0]
        self.assertEqual((record["level"], record["logger"], record["deployment"]), ("info", "swerve.proxy", "Shouter"))
        self.assertEqual((record["metadata"]["path"], record["metadata"]["status"]), ("/shout", "200"))
        spans = ["GET /shout", "Shouter.respond(to:)", "Voice.say(_:)", service]
        self.eventually(lambda: f"the spans are {self.collector.exports}", lambda: self.collector.has(*spans))

    def test_a_file_says_it(self):
        (self.instance.folder / "serve.yaml").write_text(f"""
http_options: {{port: 0, proxies: 1}}
logging_config: {{encoding: JSON, enable_access_log: true, logs_dir: lines}}
tracing: {{endpoint: "{self.collector.url}", service_name: from-file, headers: {{x-key: hidden}}, export_interval_s: 0.05}}
applications: []
""")
        self.check(self.start("--config serve.yaml"), "lines", "from-file")
        self.assertEqual({head["x-key"] for head in self.collector.heads}, {"hidden"})
        # An instance that runs takes none of it over, and says where that stands.
        warned = self.instance.run("swerve deploy serve.yaml").stdout
        for place in ["2:15: http_options", "3:17: logging_config", "4:10: tracing"]:
            self.assertIn(f"warning: serve.yaml:{place}: ", warned)
        logged = self.instance.run("swerve logs instance --contains 'deploying a configuration' --json").stdout
        self.assertEqual(len(logged.splitlines()), 3, logged)
        self.assertNotIn("hidden", warned + logged + self.instance.run("swerve logs --json -n 1000").stdout)

    def test_the_command_line_says_it(self):
        arguments = (f"--port 0 --proxies 1 --log-format json --access-log --tracing-endpoint {self.collector.url} "
                     "--tracing-service-name from-words")
        self.check(self.start(arguments), "st/logs", "from-words")

    def test_a_deployment_logs_otherwise_than_the_others(self):
        address = self.start("--port 0 --log-level error")
        text = ("applications:\n- name: a\n  import_path: program:shouting\n  route_prefix: /shout\n"
                "  logging_config: {log_level: WARNING}\n  deployments:\n  - {name: Voice%s}\n")
        (self.instance.folder / "plain.yaml").write_text(text % "")
        (self.instance.folder / "loud.yaml").write_text(text % ", logging_config: {encoding: JSON, log_level: DEBUG}")
        for file, level in [("plain.yaml", None), ("loud.yaml", "debug")]:
            deployed = self.instance.run(f"swerve deploy {file}")
            self.assertEqual((deployed.returncode, "warning" in deployed.stdout), (0, False), deployed.stdout)
            self.shout(address)
            if level:
                self.eventually(lambda: "no line of Voice", lambda: self.lines("a/Voice"))
            self.assertEqual({line["level"] for line in self.lines("a/Voice")}, {level} - {None})
        plan = self.instance.run("swerve plan plain.yaml").stdout
        self.assertIn("a/Voice: ", plan)
        self.assertIn("logs: json, debug -> warning", plan)

    def lines(self, deployment):
        """The lines of a deployment's loggers."""
        lines = self.instance.run(f"swerve logs {deployment} --json --contains said").stdout.splitlines()
        return [json.loads(line) for line in lines]

    def test_what_is_wrong_is_said_before_an_instance_starts(self):
        (self.instance.folder / "wrong.yaml").write_text("applications: []\nlogging_config: {encoding: YAML}\n")
        wrong = self.instance.run("swerve start --config wrong.yaml")
        self.assertEqual((wrong.returncode, wrong.stdout), (
            1, "error: wrong.yaml:2:28: logging_config.encoding: 'encoding' is 'YAML'; it must be 'TEXT' or 'JSON'\n"))
        wrong = self.instance.run("swerve start --tracing-endpoint https://collector")
        self.assertEqual(wrong.returncode, 64)
        self.assertIn("--tracing-endpoint is 'https://collector'; spans are sent without TLS", wrong.stdout)
        self.assertFalse((self.instance.folder / ".local").exists())

    def test_a_program_s_own_command_line_says_it(self):
        program = subprocess.Popen(
            [PROGRAM, "run", "--application", "shouting", "--port", "0", "--log-format", "json", "--access-log",
             "--tracing-endpoint", self.collector.url],
            cwd=self.instance.folder, env=self.instance.variables, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        self.shout(re.fullmatch(r"shouting answers at (http://[^/]+)/shout\n", program.stdout.readline())[1])
        program.terminate()
        _, log = program.communicate(timeout=SECONDS)
        self.assertEqual(program.returncode, 0, log)
        records = [json.loads(line) for line in log.splitlines()]
        paths = [record["metadata"]["path"] for record in records if record["message"] == "request"]
        self.assertEqual(paths, ["/shout"])
        # What a process has recorded leaves before it ends.
        spans = ["GET /shout", "Shouter.respond(to:)", "Voice.say(_:)"]
        self.assertTrue(self.collector.has(*spans), self.collector.exports)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
