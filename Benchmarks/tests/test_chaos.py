import tempfile
import unittest
from pathlib import Path

from harness.chaos.killer import Kill, Victim
from harness.chaos.verdict import judge

LOST = '{"error":"replica a/B#1 was lost while it worked on the request: its process ended","status":502}'


def failure(number: int = 1, kind: str = "status 502", what: str = LOST, port: int = 9, due: float = 10.0) -> dict:
    return {"number": number, "path": "echo", "due": due, "at": due + 0.1, "port": port, "reused": True, "kind": kind,
            "what": what}


def kill(kind: str, pid: int, at: float = 10.05, ports: frozenset[int] = frozenset()) -> Kill:
    return Kill(Victim(pid, kind, "1"), at, set(ports))


class VerdictTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.logs = Path(folder.name)
        (self.logs / "started-5").write_text("1\n2\n33")
        (self.logs / "started-6").write_text("7\n")

    def judge(self, *failures: dict, kills: list[Kill]) -> tuple[int, int, int, int]:
        verdict = judge(list(failures), kills, self.logs)
        return verdict.on_replica, verdict.on_replica_by_error, verdict.on_proxy, len(verdict.others)

    def test_what_a_killed_replica_had_begun_is_its_own(self):
        self.assertEqual(self.judge(failure(1), failure(2, "cut", ""), kills=[kill("replica", 5)]), (2, 0, 0, 0))

    def test_what_a_living_replica_had_begun_is_a_fault(self):
        found = self.judge(failure(7, "status 503", "no replica"), kills=[kill("replica", 5)])
        self.assertEqual(found, (0, 0, 0, 1))

    def test_a_line_that_was_cut_by_the_kill_does_not_count(self):
        self.assertEqual(self.judge(failure(33, what="?"), kills=[kill("replica", 5)]), (0, 0, 0, 1))

    def test_the_error_alone_is_counted_apart(self):
        self.assertEqual(self.judge(failure(50), kills=[kill("replica", 5)]), (0, 1, 0, 0))

    def test_without_any_kill_of_a_replica_the_error_explains_nothing(self):
        self.assertEqual(self.judge(failure(50), kills=[kill("controller", 8)]), (0, 0, 0, 1))

    def test_refusals_and_timeouts_are_faults_whatever_was_killed(self):
        kills = [kill("replica", 5), kill("proxy", 8, ports=frozenset({9}))]
        found = self.judge(failure(1, "refused", ""), failure(2, "timeout", ""), failure(1, "wrong", ""), kills=kills)
        self.assertEqual(found, (0, 0, 0, 3))

    def test_connections_of_a_killed_proxy_break(self):
        kills = [kill("proxy", 8, ports=frozenset({9}))]
        self.assertEqual(self.judge(failure(1, "cut", ""), kills=kills), (0, 0, 1, 0))
        self.assertEqual(self.judge(failure(1, "cut", "", port=10), kills=kills), (0, 0, 0, 1))

    def test_a_port_that_another_connection_had_later_is_not_the_killed_proxys(self):
        kills = [kill("proxy", 8, at=10, ports=frozenset({9}))]
        self.assertEqual(self.judge(failure(1, "cut", "", due=11), kills=kills), (0, 0, 0, 1))


if __name__ == "__main__":
    unittest.main()
