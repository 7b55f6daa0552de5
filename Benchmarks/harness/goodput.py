"""Calls that come at random times, to a method whose batches take 5 ms and 0.5 ms for each call: how many are answered
within 50 ms, at loads below and above what the method can do."""

import json
import subprocess
from pathlib import Path

from .bench import Bench
from .processes import ROOT, Failure, Server, require
from .servers import bench_app

SOURCE = Path(__file__).with_name("open_load.c")
OBJECTIVE_MS = 50
# Calls per second in full batches of 64, which take 37 ms.
CAPACITY = 64 / 0.037
# In hundredths of the capacity.
LOADS = (30, 50, 70, 80, 90, 100, 110, 120)
WARM_UP_SECONDS = 1
UNIT = "% in time"
NAMES = [f"batch_adaptive.goodput_{load}" for load in LOADS]


def goodput(bench: Bench) -> None:
    with adaptive() as app:
        app.wait_until_ready()
        for load, name in zip(LOADS, NAMES):
            if bench.wants(name):
                shares = [share_in_time(app, load, bench.seconds, seed) for seed in range(bench.repetitions)]
                bench.add_alone(name, UNIT, shares)


def adaptive() -> Server:
    return bench_app("adaptive", "process", "1", "adaptive", path="/adaptive")


def share_in_time(server: Server, load: int, seconds: int, seed: int, body: str = "") -> float:
    """Percent of the calls. The times at which they come depend on the load and the seed alone."""
    method = "POST" if body else "GET"
    request = (f"{method} {server.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}")
    rate = CAPACITY * load / 100
    arguments = [server.port, rate, WARM_UP_SECONDS, seconds, OBJECTIVE_MS, seed]
    result = subprocess.run([program(), *map(str, arguments)], input=request, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"{result.stderr.strip()} ({server.name})")
    counts = json.loads(result.stdout)
    if load == min(LOADS) and not counts["answered"]:
        raise Failure(f"{server.name} answers nothing: {counts}")
    return 100 * counts["in_time"] / counts["offered"]


def program() -> Path:
    path = ROOT / ".cache" / "open-load"
    if not path.exists() or path.stat().st_mtime < SOURCE.stat().st_mtime:
        require("cc", "install a C compiler")
        path.parent.mkdir(exist_ok=True)
        subprocess.run(["cc", "-O2", "-Wall", "-o", path, SOURCE, "-lm"], check=True)
    return path
