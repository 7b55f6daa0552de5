"""Calls that a replica collects into batches: 64 clients, and a method that takes 10 ms for up to 32 of them."""

from .bench import Bench
from .servers import bench_app
from .wrk import load

CLIENTS = 64
# Two full batches are under way at a time: one runs while the next is collected.
IDEAL = 32 / 0.010


def batch(bench: Bench) -> None:
    with bench_app("process", "process", "1", "batch", path="/batch") as app:
        load(app.wait_until_ready(), CLIENTS, 1)
        rates = [load(app, CLIENTS, bench.seconds).per_second for _ in range(bench.repetitions)]
    bench.add("batch32_10ms", "req/s", rates, [IDEAL] * len(rates), "full batches without pause")
