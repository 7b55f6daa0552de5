"""The violent end of replicas, controllers and proxies."""

import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ..processes import children, start_time

VARIABLE = b"SWERVE_WORKER="
SECONDS_BETWEEN = (0.5, 3.0)
SHARES = {"replica": 0.6, "controller": 0.2, "proxy": 0.2}


@dataclass
class Victim:
    pid: int
    kind: str
    started: str | None


@dataclass
class Kill:
    victim: Victim
    at: float
    # The clients' ports of a proxy's connections.
    ports: set[int]


def victims(main: int) -> list[Victim]:
    """What the main process has started, by the settings in the environments."""
    found = []
    for pid in children(main):
        try:
            entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for entry in entries:
            if entry.startswith(VARIABLE):
                first = entry[len(VARIABLE):].split(b"\n")[0]
                kind = first.decode() if first in (b"controller", b"proxy") else "replica"
                found.append(Victim(pid, kind, start_time(pid)))
    return found


def connected_ports(pid: int) -> set[int]:
    """The ports of the other ends of a process's TCP connections."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes:
            ports.add(int(fields[2].split(":")[1], 16))
    return ports


class Killer(threading.Thread):
    """Kills one after another until it is stopped."""

    def __init__(self, main: int, seed: int, kinds: list[str]):
        super().__init__(daemon=True)
        self.main, self.kinds, self.chance = main, kinds, random.Random(f"{seed} killer")
        self.kills: list[Kill] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(self.chance.uniform(*SECONDS_BETWEEN)):
            there = victims(self.main)
            kinds = [kind for kind in self.kinds if any(victim.kind == kind for victim in there)]
            if not kinds:
                continue
            kind = self.chance.choices(kinds, [SHARES[kind] for kind in kinds])[0]
            self.kill(self.chance.choice([victim for victim in there if victim.kind == kind]))

    def kill(self, victim: Victim) -> None:
        if start_time(victim.pid) != victim.started:
            return
        try:
            ports = self.frozen(victim) if victim.kind == "proxy" else set()
            os.kill(victim.pid, signal.SIGKILL)
        except OSError:
            return
        self.kills.append(Kill(victim, time.monotonic(), ports))

    @staticmethod
    def frozen(victim: Victim) -> set[int]:
        """Stops a proxy, so that its connections are those that it has when it is killed."""
        os.kill(victim.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            if Path(f"/proc/{victim.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                break
        return connected_ports(victim.pid)

    def count(self, kind: str) -> int:
        return sum(kill.victim.kind == kind for kill in self.kills)
