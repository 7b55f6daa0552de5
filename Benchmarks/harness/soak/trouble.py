"""The replicas' processes: which there are, and their violent end."""

import asyncio
import os
import random
import signal
from dataclasses import dataclass
from pathlib import Path

from ..processes import children, start_time
from .clients import Load

VARIABLE = b"SWERVE_WORKER="
SECONDS_BETWEEN = (0.5, 3.0)


@dataclass
class Replica:
    pid: int
    deployment: str
    started: str | None

    @property
    def application(self) -> str:
        return self.deployment.partition("/")[0]


def replicas(main: int) -> list[Replica]:
    """The children of the main process that were started as replicas, by the environment that they got."""
    found = []
    for pid in children(main):
        try:
            entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for entry in entries:
            if entry.startswith(VARIABLE):
                deployment = entry[len(VARIABLE):].split(b"\n")[2].decode()
                found.append(Replica(pid, deployment, start_time(pid)))
    return found


async def killer(load: Load, main: int) -> None:
    """Ends a replica every few seconds, sometimes while the main process is stopped, or just stops it for a second."""
    chance = random.Random(f"{load.seed} killer")
    while True:
        await load.pause(chance.uniform(*SECONDS_BETWEEN))
        if load.stopping.is_set():
            return
        victims = replicas(main)
        if not victims:
            continue
        victim, kind = chance.choice(victims), chance.random()
        if kind < 0.2:
            load.tally.others["stops"] += 1
            send(victim, signal.SIGSTOP)
            await asyncio.sleep(1)
            send(victim, signal.SIGCONT)
        elif kind < 0.5:
            load.tally.others["stalls"] += 1
            await stalled(load, main, victim)
        else:
            kill(load, victim)


async def stalled(load: Load, main: int, victim: Replica) -> None:
    """Stops the main process for a moment, in which a replica ends: it reads many requests before it hears of that."""
    os.kill(main, signal.SIGSTOP)
    try:
        await asyncio.sleep(0.05)
        kill(load, victim)
        await asyncio.sleep(0.02)
    finally:
        os.kill(main, signal.SIGCONT)


def kill(load: Load, victim: Replica) -> None:
    load.tally.others["kills"] += 1
    load.tally.killed(victim.application)
    send(victim, signal.SIGKILL)


def send(victim: Replica, number: signal.Signals) -> None:
    try:
        if start_time(victim.pid) == victim.started:
            os.kill(victim.pid, number)
    except ProcessLookupError:
        pass
