"""Which of the requests that failed a killed process had begun."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .killer import Kill

# How long after the end of a proxy a request may still be sent over one of its connections.
SECONDS_AFTER = 0.5


@dataclass
class Verdict:
    """The requests that got no answer, by cause. All of `others` are faults."""
    on_replica: int = 0
    # Those whose error says so, while the log of the killed replica does not have them: they were about to begin.
    on_replica_by_error: int = 0
    on_proxy: int = 0
    others: list[dict] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return self.on_replica + self.on_replica_by_error + self.on_proxy + len(self.others)

    @property
    def kinds(self) -> Counter[str]:
        return Counter(f"{each['kind']} ({each['what'][:120]})" for each in self.others)


def started(logs: Path, pids: Iterable[int]) -> set[int]:
    """The numbers of the requests that these replicas began; the last line may be incomplete."""
    numbers: set[int] = set()
    for pid in pids:
        file = logs / f"started-{pid}"
        if file.exists():
            lines = file.read_bytes().split(b"\n")
            numbers.update(int(line) for line in lines[:-1] if line.isdigit())
    return numbers


def judge(failures: list[dict], kills: list[Kill], logs: Path) -> Verdict:
    replicas = {kill.victim.pid for kill in kills if kill.victim.kind == "replica"}
    begun = started(logs, replicas)
    verdict = Verdict()
    for failure in failures:
        if was_open_on_a_proxy(failure, kills):
            verdict.on_proxy += 1
        elif failure["number"] in begun and failure["kind"] in ("status 502", "cut"):
            verdict.on_replica += 1
        elif replicas and failure["kind"] == "status 502" and "was lost while it worked on the request" in failure["what"]:
            verdict.on_replica_by_error += 1
        else:
            verdict.others.append(failure)
    return verdict


def was_open_on_a_proxy(failure: dict, kills: list[Kill]) -> bool:
    return failure["kind"] in ("cut", "reset") and any(
        kill.victim.kind == "proxy" and failure["port"] in kill.ports
        # It is stopped for a moment before it is killed, and its connections may break in that moment.
        and failure["at"] > kill.at - 1 and failure["due"] < kill.at + SECONDS_AFTER for kill in kills)
