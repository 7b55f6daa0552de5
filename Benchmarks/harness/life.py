"""Start, end and rest: cold start, recovery from the end of a replica, memory."""

import os
import signal
import time
from collections.abc import Callable

from .bench import Bench
from .nginx import Nginx, modules, nginx_pair
from .processes import Failure, Server, answers_ok, is_running, pss_megabytes
from .servers import hummingbird, process, roles

# From this age on the end of a replica is taken for an accident and not for one of a series.
SETTLED_SECONDS = 11


def cold_start(bench: Bench) -> None:
    """From the start of the process, or of both, to the first 200."""
    starts: dict[str, Callable[[], Server | Nginx]] = {
        "nginx": nginx_pair, "process": process, "hummingbird": hummingbird}
    times: dict[str, list[float]] = {name: [] for name in starts}
    modules()
    for _ in range(bench.repetitions):
        for name, start_server in starts.items():
            start = time.perf_counter()
            with start_server() as server:
                server.wait_until_ready()
                times[name].append((time.perf_counter() - start) * 1e3)
                server.tree()
    bench.add("cold_start", "ms", times["process"], times["nginx"], "nginx -> nginx")
    bench.add("cold_start.hummingbird", "ms", times["hummingbird"], times["nginx"], "nginx -> nginx")


def recovery(bench: Bench) -> None:
    """SIGKILL of the process that answers, to the next 200 and another process in its place."""
    for name, age in (("replica_kill_recovery.settled", SETTLED_SECONDS), ("replica_kill_recovery.young", 1)):
        if not bench.wants(name):
            continue
        with nginx_pair() as nginx, process() as app:
            nginx.wait_until_ready()
            app.wait_until_ready()
            values, baselines = [], []
            for _ in range(bench.repetitions):
                time.sleep(age)
                baselines.append(kill_and_wait(nginx))
                values.append(kill_and_wait(app))
            bench.add(name, "ms", values, baselines, "nginx, whose backend's worker is killed")


def kill_and_wait(server: Server | Nginx) -> float:
    server.tree()
    victim = roles(server)["replica"]
    os.kill(victim, signal.SIGKILL)
    start = time.perf_counter()
    while is_running(victim):  # Until then it might still answer.
        pass
    while not answers_ok(server.port):
        if time.perf_counter() - start > 60:
            raise Failure(f"{server.name} does not answer 60 s after its replica was killed")
        time.sleep(0.001)
    taken = (time.perf_counter() - start) * 1e3
    if roles(server).get("replica") in (None, victim):
        raise Failure(f"{server.name} answered without a new replica")
    return taken


def idle_pss(bench: Bench) -> None:
    values: list[float] = []
    baselines: list[float] = []
    for _ in range(bench.repetitions):
        with nginx_pair() as nginx, process() as app:
            servers = (nginx.wait_until_ready(), app.wait_until_ready())
            time.sleep(2)
            for server, sizes in zip(servers, (baselines, values)):
                sizes.append(pss_megabytes(server.tree()))
    bench.add("idle_pss", "MB", values, baselines, "nginx -> nginx")
