#!/usr/bin/env python3
"""Loads other model servers beside Swerve, with the same handlers, and adds rows `peers.*` to the results.

`make bench-peers` installs them in .venv-peers and .venv-mlserver, and calls it.
"""

import signal
import sys

from harness.batch import CLIENTS
from harness.bench import Bench
from harness.goodput import UNIT, adaptive, share_in_time
from harness.peers import ADAPTIVE, BATCH_NAMES, CONNECTIONS, GOODPUT_NAMES, MLSERVER, NO_OP_NAMES, NO_OPS, Peer
from harness.processes import Failure, Server, post, require
from harness.ray import PEERS_PYTHON
from harness.servers import bench_app, process
from harness.wrk import load
from run import arguments_of, build, warn_when_busy

SWERVE = "Swerve, one replica process"


def is_answered(server: Server, body: str) -> bool:
    try:
        return post(server.port, server.path, body.encode(), content_type="application/json")[0] == 200
    except OSError:
        return False


def rate(server: Server, body: str, connections: int, seconds: int) -> float:
    content = {"body": int(body) if body.isdigit() else body, "content_type": "application/json"} if body else {}
    return load(server, connections, seconds, **content).per_second


class Pair:
    """A peer and Swerve at the same time. A context."""

    def __init__(self, peer: Peer, swerve: Server):
        self.bodies = {peer.name: peer.body}
        self.swerve, self.peer = swerve, peer.start()
        self.peer.name = peer.name

    def __enter__(self) -> "Pair":
        self.swerve.wait_until_ready()
        self.peer.wait_until_ready(120, lambda: is_answered(self.peer, self.bodies[self.peer.name]), pause=0.05)
        self.peer.tree()
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.stop()
        self.swerve.stop()

    def rates(self, bench: Bench, connections: int) -> tuple[list[float], list[float]]:
        for server in (self.swerve, self.peer):
            rate(server, self.bodies.get(server.name, ""), connections, 1)
        return bench.pairs(self.peer, self.swerve, lambda server: rate(
            server, self.bodies.get(server.name, ""), connections, bench.seconds))

    def shares_in_time(self, bench: Bench, load: int) -> tuple[list[float], list[float]]:
        """Both sides get their calls at the same times."""
        runs = [[share_in_time(server, load, bench.seconds, seed, self.bodies.get(server.name, ""))
                 for server in (self.peer, self.swerve)] for seed in range(bench.repetitions)]
        return [run[0] for run in runs], [run[1] for run in runs]


def measure(bench: Bench) -> None:
    for peer in NO_OPS:
        names = {count: NO_OP_NAMES[peer, count] for count in CONNECTIONS}
        if any(map(bench.wants, names.values())):
            with Pair(peer, process()) as pair:
                for count, name in names.items():
                    bench.add(name, "req/s", *pair.rates(bench, count), SWERVE)
    for peer, name in BATCH_NAMES.items():
        if bench.wants(name):
            with Pair(peer, bench_app("batch", "process", "1", "batch", path="/batch")) as pair:
                bench.add(name, "req/s", *pair.rates(bench, CLIENTS), SWERVE)
    for load, name in GOODPUT_NAMES.items():
        if bench.wants(name):
            # Anew for each load, because an overload has effects on BentoML that last.
            with Pair(ADAPTIVE, adaptive()) as pair:
                bench.add(name, UNIT, *pair.shares_in_time(bench, load), SWERVE)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the servers are ended too.
    arguments = arguments_of(__doc__)
    bench = Bench(arguments)
    require("wrk", "install it with: apt-get install wrk")
    if missing := [str(path) for path in (PEERS_PYTHON, MLSERVER) if not path.exists()]:
        raise Failure(f"missing: {', '.join(missing)}; dev/setup.sh peers installs them")
    if arguments.build:
        build(["bench-app"])
    warn_when_busy()
    measure(bench)
    if bench.writes:
        bench.results.write(is_whole=False)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"bench-peers: {failure}")
