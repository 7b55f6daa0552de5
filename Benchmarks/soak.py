#!/usr/bin/env python3
"""Loads applications of every kind for minutes, with clients that are slow, vanish or break the rules, while replicas
are killed and replaced. `make soak MINUTES=10` builds, then calls it.

Ends with status 1 when an answer was wrong, lost, late or failed without a reason, and when memory, descriptors or
mappings have grown. docs/RELIABILITY.md says what is counted."""

import argparse
import asyncio
import json
import re
import signal
import sys
import time
import urllib.request
from pathlib import Path

from harness.processes import Failure, Server, free_port, is_running
from harness.soak.clients import Load, population
from harness.soak.hostile import attackers
from harness.soak.requests import Maker
from harness.soak.tally import Tally
from harness.soak.trouble import killer, replicas
from harness.soak.watch import Sample, Table, growth

QUIET_SECONDS = 60


class Soak:
    """One run against one server."""

    def __init__(self, server: Server, seed: int, kills: bool):
        self.server, self.seed, self.kills = server, seed, kills
        self.problems: list[str] = []

    def control(self, command: str) -> dict:
        url = f"http://127.0.0.1:{self.server.port}/control/{command}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)
        except OSError as error:
            raise Failure(f"the server does not answer {url}: {error}; {self.server.last_output()}") from error

    async def load(self, seconds: float, tally: Tally, table: Table | None) -> None:
        """All clients for so long, with a row of the table every few seconds."""
        load = Load(self.server.port, tally, self.seed)
        tasks = [asyncio.create_task(client) for client in population(load)]
        rest = [asyncio.create_task(client) for client in attackers(load)]
        if self.kills:
            rest.append(asyncio.create_task(killer(load, self.server.pid)))
        self.control("resume")
        end, interval = time.monotonic() + seconds, min(30.0, max(5.0, seconds / 20))
        while (left := end - time.monotonic()) > 1 and self.is_alive(tasks + rest):
            await asyncio.sleep(min(interval, left))
            if table:
                table.add()
        load.stopping.set()
        if self.is_alive(tasks + rest):
            self.control("pause")
        await asyncio.gather(*tasks)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def is_alive(self, tasks: list[asyncio.Task[None]]) -> bool:
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error
        return self.server.process.poll() is None

    async def rest(self) -> Sample:
        """Waits until every replica runs and no old one is left, and what was done lately is forgotten."""
        end = time.monotonic() + QUIET_SECONDS
        while why := self.unrest():
            if time.monotonic() > end:
                self.problems.append(f"{QUIET_SECONDS} s after the load {why}")
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(8)
        heap = self.control("status")["heapBytes"]
        sample = Sample.of(self.server.pid)
        sample.main.heap = heap / (1 << 20)
        return sample

    def unrest(self) -> str:
        pids = set()
        status = self.control("status")
        if status["leftovers"]:
            return f"there is left {status['leftovers']}"
        for application in status["instance"]["applications"].values():
            for name, deployment in application["deployments"].items():
                states = [replica["state"] for replica in deployment["replicas"]]
                if states != ["running"] * deployment["target"]["replicas"]:
                    return f"{application['name']}/{name} has replicas that are {states}"
                pids |= {replica["processID"] for replica in deployment["replicas"]}
        found = {replica.pid for replica in replicas(self.server.pid)}
        return "" if found == pids - {self.server.pid} else f"the processes are {found}, not {pids}"

    async def check_each(self, tally: Tally) -> None:
        """One right answer of each application, when all is over."""
        load, maker = Load(self.server.port, tally, self.seed), Maker("last", self.seed)
        for request in (maker.echo("echo"), maker.echo("local"), maker.compose("compose"), maker.compose("mixed"),
                        maker.stream(), maker.graph(), maker.calls()):
            connection = await load.open()
            if await load.exchange(connection, request):
                connection.close()

    async def run(self, minutes: float) -> Tally:
        warm_up = min(60.0, max(15.0, minutes * 6))
        print(f"warming up for {warm_up:.0f} s", flush=True)
        first = Tally()
        await self.load(warm_up, first, None)
        before = await self.rest()
        tally = Tally()
        print(f"\nload for {minutes * 60:.0f} s", flush=True)
        table = Table(tally, self.server.pid)
        await self.load(minutes * 60, tally, table)
        after = await self.rest()
        table.add()
        await self.check_each(tally)
        print("\nat rest, before the load and after it:")
        self.problems += growth(before, after)
        self.report(first, tally)
        return tally

    def report(self, first: Tally, tally: Tally) -> None:
        done = self.control("status")["redeployments"]
        seen = ", ".join(f"{name} {len(generations)}" for name, generations in sorted(tally.generations.items()))
        print(f"\n{tally.answered} right answers, {tally.bytes >> 20} MiB; {done['count']} redeployments, the slowest "
              f"took {done['seconds']:.1f} s; {dict(tally.others)}; generations that answered: {seen}")
        self.problems += [f"redeployment of {each}" for each in done["failures"]]
        for name, counts in (("warm-up", first), ("load", tally)):
            if counts.faults:
                self.problems.append(f"{name}: {counts.wrong} wrong, {counts.lost} lost, {counts.hung} hung, "
                                     f"{counts.failed} failed")
            for note in counts.notes:
                print(f"{name} {note}")


def output_of(server: Server) -> list[str]:
    """Crashes in the server's log, and why replicas ended that nobody killed."""
    lines = Path(server.output.name).read_text(errors="replace").splitlines()
    crashes = [line for line in lines if re.search(r"Fatal error|crashed|SIG(SEGV|BUS|ILL|ABRT|TRAP)", line)]
    ends = [line for line in lines if "replica ended" in line and "signal 9" not in line]
    return crashes + ends


async def soak(arguments: argparse.Namespace) -> list[str]:
    port = free_port()
    command = [str(Path(arguments.binary).resolve()), str(port), str(arguments.redeploy), str(arguments.loops)]
    with Server("soak-app", command, port, "/control/status") as server:
        server.wait_until_ready(120)
        run = Soak(server, arguments.seed, arguments.kills)
        print(f"seed {arguments.seed}, main process {server.pid}", flush=True)
        try:
            await run.run(arguments.minutes)
        finally:
            if not is_running(server.pid):
                run.problems.append(f"the main process ended: {server.last_output()}")
            run.problems += output_of(server)[:20]
            if arguments.log:
                Path(arguments.log).write_bytes(Path(server.output.name).read_bytes())
        return run.problems


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the server is ended too.
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1, help="of what the clients and the killer choose; default: 1")
    parser.add_argument("--redeploy", type=float, default=3, help="seconds between redeployments; default: 3")
    parser.add_argument("--no-kills", dest="kills", action="store_false", help="redeployments alone")
    parser.add_argument("--loops", type=int, default=2, help="event loops of the main process; default: 2")
    parser.add_argument("--binary", default=".build/release/soak-app", help="default: %(default)s")
    parser.add_argument("--log", help="where to put the server's output")
    problems = asyncio.run(soak(parser.parse_args()))
    print("\n" + ("\n".join(f"PROBLEM: {each}" for each in problems) or "no problems"))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"soak: {failure}")
