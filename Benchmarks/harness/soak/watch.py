"""Memory, descriptors and mappings over time."""

import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .tally import Tally
from .trouble import replicas


@dataclass
class Usage:
    """Of one process."""
    megabytes: float = 0
    # In use by the program, of what its allocator holds; only of the main process at rest.
    heap: float = 0
    descriptors: int = 0
    mappings: int = 0
    threads: int = 0

    @classmethod
    def of(cls, pid: int) -> "Usage":
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            return cls(
                field(status, "VmRSS") / 1024,
                0,
                len(os.listdir(f"/proc/{pid}/fd")),
                Path(f"/proc/{pid}/maps").read_text().count("\n"),
                field(status, "Threads"))
        except OSError:
            return cls()


def field(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.M)
    return int(found.group(1)) if found else 0


@dataclass
class Sample:
    """Of the main process, and the largest of the replicas' processes."""
    main: Usage
    largest: Usage
    replicas: int
    kinds: Counter[str]

    @classmethod
    def of(cls, pid: int) -> "Sample":
        usages = [Usage.of(replica.pid) for replica in replicas(pid)]
        largest = Usage(*(max((getattr(usage, name) for usage in usages), default=0) for name in Usage.__annotations__))
        return cls(Usage.of(pid), largest, len(usages), kinds(pid))


def kinds(pid: int) -> Counter[str]:
    """What the descriptors of a process are."""
    states = {}
    for protocol in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            states[fields[9]] = f"TCP socket in state {fields[3]}"
    found: Counter[str] = Counter()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(path)
        except OSError:
            continue
        inode = target.removeprefix("socket:[").removesuffix("]")
        found[states.get(inode, "other socket") if target.startswith("socket:") else target] += 1
    return found


COLUMNS = ("s", "req/s", "MiB/s", "wrong", "lost", "hung", "failed", "by kill", "kills", "left", "hostile", "RSS MiB",
           "fds", "maps", "threads", "replicas", "their RSS", "their fds", "their maps")


class Table:
    """A row for each interval, in Markdown."""

    def __init__(self, tally: Tally, pid: int):
        self.tally, self.pid = tally, pid
        self.began = self.last = time.monotonic()
        self.answered = self.bytes = 0
        self.row(COLUMNS)
        self.row(["---:"] * len(COLUMNS))

    def row(self, cells: tuple[object, ...] | list[object]) -> None:
        widths = (max(4, len(name)) for name in COLUMNS)
        print("| " + " | ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, widths)) + " |", flush=True)

    def add(self) -> Sample:
        sample, tally, now = Sample.of(self.pid), self.tally, time.monotonic()
        seconds = max(now - self.last, 1e-9)
        self.row((
            round(now - self.began), round((tally.answered - self.answered) / seconds),
            round((tally.bytes - self.bytes) / seconds / (1 << 20)), tally.wrong, tally.lost, tally.hung, tally.failed,
            tally.by_kill, tally.others["kills"], tally.others["left"], tally.others["hostile"],
            f"{sample.main.megabytes:.1f}", sample.main.descriptors, sample.main.mappings, sample.main.threads,
            sample.replicas, f"{sample.largest.megabytes:.1f}", sample.largest.descriptors, sample.largest.mappings))
        self.last, self.answered, self.bytes = now, tally.answered, tally.bytes
        return sample


# How much more there may be at rest after the load than at rest after the warm-up.
LIMITS = {
    "main process": Usage(megabytes=32, heap=8, descriptors=4, mappings=24, threads=4),
    "largest replica": Usage(megabytes=64, descriptors=8, mappings=24, threads=4),
}


def growth(before: Sample, after: Sample) -> list[str]:
    """What has grown by more than its limit."""
    found = []
    for name, (old, new) in {"main process": (before.main, after.main),
                             "largest replica": (before.largest, after.largest)}.items():
        for kind in Usage.__annotations__:
            first, last, limit = getattr(old, kind), getattr(new, kind), getattr(LIMITS[name], kind)
            if kind == "heap" and not limit:  # It is known of the main process alone.
                continue
            verdict = "GREW" if last - first > limit else "ok"
            print(f"{name + ', ' + kind:32} {first:9.1f} -> {last:9.1f}  may grow by {limit:3}  {verdict}")
            if last - first > limit:
                found.append(f"the {kind} of the {name} grew from {first:.0f} to {last:.0f}")
    if any("descriptors of the main" in each for each in found):
        found.append(f"descriptors that the main process has more of: {dict(after.kinds - before.kinds)}")
    return found
