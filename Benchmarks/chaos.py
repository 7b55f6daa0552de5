#!/usr/bin/env python3
"""A steady load with a schedule, while replicas, controllers and proxies are killed with SIGKILL and the applications
change. `make chaos MINUTES=10` builds, then calls it.

Ends with status 1 when a request was lost that no killed replica had begun and that was not open on a killed proxy, when
a change failed, or when something is left over. docs/RELIABILITY.md says what is counted."""

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.chaos.killer import Killer, victims
from harness.chaos.verdict import Verdict, judge
from harness.processes import Failure, Server, free_port

QUIET_SECONDS = 60
COLUMNS = "|    s | req/s | lost | p50 ms | p99 ms | max ms | longest gap ms | replicas killed | controllers killed " \
    "| proxies killed |"


class Chaos:
    """One run against one server."""

    def __init__(self, server: Server, arguments: argparse.Namespace, logs: Path):
        self.server, self.arguments, self.logs = server, arguments, logs
        self.problems: list[str] = []
        self.killer = Killer(server.pid, arguments.seed, arguments.kill.split(",") if arguments.kill else [])

    def report(self) -> dict:
        """What the server says about itself."""
        path = Path(self.server.output.name)
        known = len(reports(path))
        self.server.tell("report")
        self.server.wait_until_ready(30, probe=lambda: len(reports(path)) > known)
        return json.loads(reports(path)[-1])

    def run(self) -> None:
        seconds = self.arguments.minutes * 60
        command = [sys.executable, "-m", "harness.chaos.load", str(self.server.port), str(self.arguments.rate),
                   str(seconds), str(self.arguments.seed)]
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent)
        try:
            self.server.tell("resume")
            self.killer.start()
            print(COLUMNS + "\n|" + " ---: |" * (COLUMNS.count("|") - 1))
            result = self.follow(load)
            self.killer.stopping.set()
            self.server.tell("pause")
        finally:
            load.kill()
        self.check_rest()
        self.conclude(result)

    def follow(self, load: subprocess.Popen[str]) -> dict:
        assert load.stdout
        for line in load.stdout:
            window = json.loads(line)
            if window.get("end"):
                return window
            if self.server.process.poll() is not None:
                raise Failure(f"the main process ended: {self.server.last_output()}")
            counts = " | ".join(str(self.killer.count(kind)) for kind in ("replica", "controller", "proxy"))
            times = " | ".join(f"{window[name] or 0:.1f}" for name in ("p50", "p99", "max", "gap"))
            print(f"| {window['seconds']:4} | {window['sent'] / 10:.0f} | {sum(window['failed'].values())} | {times} "
                  f"| {counts} |", flush=True)
        raise Failure("the load ended early")

    def check_rest(self) -> None:
        """Every replica is back, and nothing else is left."""
        end = time.monotonic() + QUIET_SECONDS
        while why := self.unrest():
            if time.monotonic() > end:
                self.problems.append(f"{QUIET_SECONDS} s after the load {why}")
                return
            time.sleep(0.5)

    def unrest(self) -> str:
        pids = set()
        for application in self.report()["instance"]["applications"].values():
            for name, deployment in application["deployments"].items():
                states = [replica["state"] for replica in deployment["replicas"]]
                if states != ["running"] * deployment["target"]["replicas"]:
                    return f"{application['name']}/{name} has replicas that are {states}"
                pids |= {replica["processID"] for replica in deployment["replicas"]}
        found = {victim.pid for victim in victims(self.server.pid) if victim.kind == "replica"}
        return "" if found == pids else f"the processes are {found}, not {pids}"

    def conclude(self, load: dict) -> None:
        changes = self.report()["changes"]
        verdict = judge(load["failures"], self.killer.kills, self.logs)
        print_summary(load, changes, verdict, self.killer)
        self.problems += [f"change {each}" for each in changes["failures"]]
        if verdict.others:
            self.problems += [f"{count} lost for no reason: {kind}" for kind, count in verdict.kinds.most_common(20)]
        self.problems += crashes(Path(self.server.output.name))[:20]
        if self.arguments.failures:
            Path(self.arguments.failures).write_text(json.dumps(load["failures"], indent=1))


def reports(output: Path) -> list[str]:
    lines = output.read_text(errors="replace").splitlines()
    return [line.removeprefix("report ") for line in lines if line.startswith("report {") and line.endswith("}")]


def crashes(output: Path) -> list[str]:
    lines = output.read_text(errors="replace").splitlines()
    return [line for line in lines if re.search(r"Fatal error|crashed|SIG(SEGV|BUS|ILL|ABRT|TRAP)", line)]


def print_summary(load: dict, changes: dict, verdict: Verdict, killer: Killer) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(changes["byKind"].items()))
    print(f"""
{load["requests"]} requests, {load["answered"]} right answers; from the scheduled moment to the answer: \
p50 {load["p50"]:.1f} ms, p99 {load["p99"]:.1f} ms, p99.9 {load["p999"]:.1f} ms, max {load["max"]:.0f} ms
longest time without an answer: {load["gap"]:.0f} ms
{killer.count("replica")} replicas, {killer.count("controller")} controllers and {killer.count("proxy")} proxies killed
{changes["count"]} changes ({kinds}), the slowest took {changes["seconds"]:.1f} s

lost: {verdict.lost}
  begun by a killed replica, according to its log:   {verdict.on_replica}
  begun by a killed replica, according to the error: {verdict.on_replica_by_error}
  open on a killed proxy:                            {verdict.on_proxy}
  others:                                            {len(verdict.others)}""")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the server is ended too.
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--rate", type=float, default=2000, help="requests per second; default: 2000")
    parser.add_argument("--seed", type=int, default=1, help="of what the load and the killer choose; default: 1")
    parser.add_argument("--changes", type=float, default=2, help="seconds between changes; default: 2")
    parser.add_argument("--proxies", type=int, default=2, help="processes that take connections; default: 2")
    parser.add_argument("--kill", default="replica,controller,proxy", help="what is killed; default: %(default)s")
    parser.add_argument("--binary", default=".build/release/chaos-app", help="default: %(default)s")
    parser.add_argument("--failures", help="a file for a list of the requests that failed")
    parser.add_argument("--log", help="where to put the server's output")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        logs = Path(folder, "logs")
        logs.mkdir()
        port = free_port()
        command = [str(Path(arguments.binary).resolve()), str(port), str(Path(folder, "state")), str(logs),
                   str(arguments.changes), str(arguments.proxies)]
        with Server("chaos-app", command, port, "/compose/0", has_input=True) as server:
            server.wait_until_ready(120)
            run = Chaos(server, arguments, logs)
            print(f"seed {arguments.seed}, {arguments.rate:.0f} requests/s, main process {server.pid}", flush=True)
            try:
                run.run()
            finally:
                if arguments.log:
                    Path(arguments.log).write_bytes(Path(server.output.name).read_bytes())
        print("\n" + ("\n".join(f"PROBLEM: {each}" for each in run.problems) or "no problems"))
        sys.exit(1 if run.problems else 0)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"chaos: {failure}")
