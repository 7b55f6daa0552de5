#!/usr/bin/env python3
"""Loads no-op applications of other model servers beside Swerve's, and adds rows `peers.*` to the results.

`make bench-peers` calls it. Installs Ray Serve and LitServe in .venv-peers, once.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile

from harness.bench import Bench
from harness.processes import ROOT, Failure, Server, free_port, require
from harness.servers import process
from harness.wrk import load
from run import arguments_of

CONNECTIONS = (1, 32, 256)
VENV = ROOT / ".venv-peers"
REQUIREMENTS = ["ray[serve]==2.60.0", "litserve"]


def install():
    stamp = VENV / ".installed"
    if stamp.exists() and stamp.read_text().split("\n") == REQUIREMENTS:
        return
    print("Installing Ray Serve and LitServe in .venv-peers ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/pip", "install", "--quiet", *REQUIREMENTS], check=True)
    stamp.write_text("\n".join(REQUIREMENTS))


def peer(name, program, *arguments, path="/", environment=None):
    port = free_port()
    command = [str(VENV / "bin/python"), str(ROOT / "Benchmarks/peer-apps" / program), str(port), *arguments]
    return Server(name, command, port, path, environment)


@contextlib.contextmanager
def ray_serve():
    """Ray Serve with its documented setting for throughput."""
    settings = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # Short: it holds Unix sockets.
    try:
        with peer("ray_serve", "noop_ray.py", folder, environment=settings) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def litserve():
    return peer("litserve", "noop_litserve.py", path="/health")


# LitServe takes no GET: it gets the JSON number 1.
LOADS = {"litserve": {"path": "/predict", "body_bytes": 1}}


def noop_load(server, connections, seconds):
    request = LOADS.get(server.name, {})
    load(server, connections, 1, **request)
    return load(server, connections, seconds, **request).per_second


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the servers are ended too.
    arguments = arguments_of(__doc__)
    bench = Bench(arguments)
    require("wrk", "install it with: apt-get install wrk")
    install()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(start()) for start in (process, ray_serve, litserve)]
        for server in servers:
            server.wait_until_ready(120)
        for server in servers:
            server.tree()
        for count in CONNECTIONS:
            for server in servers[1:]:
                rates = bench.pairs(server, servers[0], lambda server: noop_load(server, count, bench.seconds))
                bench.add(f"peers.{server.name}.http_noop_c{count}", "req/s", *rates, "Swerve, one replica process")
    bench.results.write(is_whole=False)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"bench-peers: {failure}")
