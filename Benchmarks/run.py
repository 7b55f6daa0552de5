#!/usr/bin/env python3
"""Runs the benchmarks and writes results.json and results.md beside this file. `make bench` builds, then calls it."""

import argparse
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from harness.graph import graph_flows, graph_large
from harness.nginx import NginxPair
from harness.processes import (ROOT, Failure, Server, answers_ok, binary, children, cpu_seconds, free_port, is_running,
                               pss_megabytes, require)
from harness.results import Results
from harness.vision import segformer_load, segformer_memory, segformer_stages
from harness.wrk import load

CONNECTIONS = (1, 32, 256)
MEGABYTE = 1 << 20
MODEL = ROOT / ".cache" / "models" / "segformer-b0-random"
PYTHON = ROOT / ".venv" / "bin" / "python"


class Bench:
    """What the command line asked for, and the results so far."""

    def __init__(self, arguments):
        self.only, self.writes = arguments.only, not arguments.quick
        self.seconds, self.repetitions = (1, 1) if arguments.quick else (arguments.seconds, arguments.repetitions)
        self.results = Results(f"{self.seconds} s x {self.repetitions}")

    def wants(self, name):
        """Whether a row of this name, or some row whose name begins with it, was asked for."""
        return name.startswith(self.only) or self.only.startswith(name)

    def add(self, name, unit, values, baselines):
        if name.startswith(self.only):
            self.results.add(name, unit, list(zip(values, baselines)))

    def write(self):
        if self.writes:
            self.results.write()

    def in_turn(self, servers, measure):
        """Measures each server once per repetition, beginning with another one each time: values by name."""
        values = {server.name: [] for server in servers}
        for repetition in range(self.repetitions):
            for place in range(len(servers)):
                server = servers[(repetition + place) % len(servers)]
                values[server.name].append(measure(server))
        return values


# The servers.


def bench_app(name, *arguments, path="/"):
    port = free_port()
    return Server(name, [binary("bench-app"), str(port), *arguments], port, path)


def hummingbird():
    port = free_port()
    return Server("hummingbird", [binary("bench-hummingbird"), str(port)], port)


VARIANTS = {
    "process": lambda: bench_app("process", "process", "1"),
    "process2": lambda: bench_app("process2", "process", "2"),
    "inprocess": lambda: bench_app("inprocess", "inProcess", "1"),
    "hummingbird": hummingbird,
}


def roles(server):
    """The processes whose CPU time is reported, by what they do."""
    if isinstance(server, NginxPair):
        return dict(zip(("front", "replica"), server.workers()))
    return dict(zip(("front", "replica"), [server.pid] + children(server.pid)))


# Groups; each measures some rows.


def http_noop(bench):
    connections = [count for count in CONNECTIONS if bench.wants(f"http_noop_c{count}")]
    with contextlib.ExitStack() as stack:
        names = [name for name in VARIANTS if any(bench.wants(f"http_noop_c{count}.{name}") for count in connections)]
        if "process" not in names:  # The rows of latency and CPU are about it.
            names.insert(0, "process")
        servers = [stack.enter_context(start()) for start in [NginxPair] + [VARIANTS[name] for name in names]]
        for server in servers:
            server.wait_until_ready()
        for count in connections:
            http_noop_rows(bench, count, names, bench.in_turn(servers, lambda server: noop_load(bench, server, count)))


def noop_load(bench, server, connections):
    load(server, connections, 1)
    processes = roles(server)
    before = {role: cpu_seconds(pid) for role, pid in processes.items()}
    result = load(server, connections, bench.seconds)
    used = {role: (cpu_seconds(pid) - before[role]) * 1e6 / result.requests for role, pid in processes.items()}
    return result, used


def http_noop_rows(bench, count, names, runs):
    def values(name, value):
        return [value(run, used) for run, used in runs[name]]

    for name in names:
        rate = lambda run, _: run.per_second
        bench.add(f"http_noop_c{count}.{name}", "req/s", values(name, rate), values("nginx", rate))
    p50 = lambda run, _: run.p50_microseconds
    bench.add(f"http_noop_c{count}_p50.process", "us", values("process", p50), values("nginx", p50))
    for role in ("front", "replica"):
        cpu = lambda _, used: used[role]
        bench.add(f"http_noop_c{count}_{role}_cpu.process", "us", values("process", cpu), values("nginx", cpu))


def handles(bench):
    command = [binary("bench-handles"), str(bench.seconds), str(bench.repetitions)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60 + 20 * bench.seconds * bench.repetitions)
    if result.returncode != 0:
        raise Failure(f"bench-handles ended with status {result.returncode}: {result.stderr[-2000:]}")
    measurements = [json.loads(line) for line in result.stdout.splitlines()]
    for name, unit in dict.fromkeys((each["name"], each["unit"]) for each in measurements):
        runs = [each for each in measurements if each["name"] == name]
        bench.add(name, unit, [each["value"] for each in runs], [each["baseline"] for each in runs])


def echo(bench):
    with NginxPair() as nginx, bench_app("process", "process", "1", "echo", path="/echo") as app:
        servers = [nginx.wait_until_ready(), app.wait_until_ready()]
        for server in servers:
            require_echo(server)

        def measure(server):
            load(server, 8, 1, "/echo", MEGABYTE)
            return load(server, 8, bench.seconds, "/echo", MEGABYTE).per_second

        values = bench.in_turn(servers, measure)
        bench.add("echo_1mb_c8", "req/s", values["process"], values["nginx"])


def require_echo(server):
    body = os.urandom(MEGABYTE)
    status, answer = post(server.port, "/echo", body)
    if status != 200 or answer != body:
        raise Failure(f"{server.name} does not echo: status {status}, {len(answer)} bytes")


def post(port, path, body, connection=None):
    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    # The class map, which is what the model answers; a picture of it would be compressed first.
    connection.request("POST", path, body, {"Accept": "application/x-npy"})
    response = connection.getresponse()
    return response.status, response.read()


def segformer(bench):
    """Images per second with two clients, against the bare loop with as many threads: the loop gives all of them to one
    run, the server one each to as many runs at a time."""
    missing = [str(path) for path in (ROOT / ".build/release/segmentation", MODEL / "model.onnx", PYTHON)
               if not path.exists()]
    if missing:
        return print(f"segformer_b0_http is skipped; missing: {', '.join(missing)}")
    threads, port = min(2, os.cpu_count()), free_port()  # The server has two runs at a time.
    command = [binary("segmentation"), "--model", str(MODEL), "--port", str(port), "--threads", "1"]
    with tempfile.TemporaryDirectory() as folder, Server("segmentation", command, port, "/segment") as server:
        picture = f"{folder}/picture.jpg"
        subprocess.run([PYTHON, ROOT / "Benchmarks/onnx_loop.py", "--picture", picture], check=True)
        body = Path(picture).read_bytes()
        server.wait_until_ready(probe=lambda: is_answered(port, body))
        pairs = [(image_rate(port, body, bench.seconds), loop_rate(threads, bench.seconds))
                 for _ in range(bench.repetitions)]
        bench.add("segformer_b0_http", "images/s", *zip(*pairs))


def is_answered(port, body):
    try:
        return post(port, "/segment", body)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def image_rate(port, body, seconds, clients=2):
    """Images per second of clients that each post one image after another."""
    counts = [0] * clients
    failures = []
    start = time.perf_counter()

    def client(index):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() - start < seconds and not failures:
            status, answer = post(port, "/segment", body, connection)
            if status != 200 or not answer.startswith(b"\x93NUMPY"):
                failures.append(f"status {status}: {answer[:200]!r}")
            counts[index] += 1

    threads = [threading.Thread(target=client, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not all(counts):
        raise Failure(f"segmentation failed: {failures or 'a client got no answer'}")
    return sum(counts) / (time.perf_counter() - start)


def loop_rate(threads, seconds):
    command = [PYTHON, ROOT / "Benchmarks/onnx_loop.py", "--model", MODEL / "model.onnx", "--threads", str(threads),
               "--seconds", str(seconds)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)["images_per_second"]


def cold_start(bench):
    """From the start of the process, or of both, to the first 200."""
    starts = {"nginx": NginxPair, "process": VARIANTS["process"], "hummingbird": hummingbird}
    times = {name: [] for name in starts}
    for _ in range(bench.repetitions):
        for name, start_server in starts.items():
            start = time.perf_counter()
            with start_server() as server:
                server.wait_until_ready()
                times[name].append((time.perf_counter() - start) * 1e3)
                server.tree()
    bench.add("cold_start", "ms", times["process"], times["nginx"])
    bench.add("cold_start.hummingbird", "ms", times["hummingbird"], times["nginx"])


def replica_kill_recovery(bench):
    """kill -9 of the process that answers, to the next 200 and another process in its place."""
    with NginxPair() as nginx, VARIANTS["process"]() as app:
        servers = [nginx.wait_until_ready(), app.wait_until_ready()]
        values = bench.in_turn(servers, kill_and_wait)
        bench.add("replica_kill_recovery", "ms", values["process"], values["nginx"])


def kill_and_wait(server):
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
    time.sleep(1)  # Another kill so soon would be a crash loop.
    return taken


def idle_pss(bench):
    values = {"nginx": [], "process": []}
    for _ in range(bench.repetitions):
        with NginxPair() as nginx, VARIANTS["process"]() as app:
            servers = [nginx.wait_until_ready(), app.wait_until_ready()]
            time.sleep(2)
            for server in servers:
                values[server.name].append(pss_megabytes(server.tree()))
    bench.add("idle_pss", "MB", values["process"], values["nginx"])


GROUPS = {
    http_noop: ("http_noop",),
    handles: ("handle_call", "add_replica"),
    echo: ("echo_1mb_c8",),
    graph_flows: ("graph_chain3", "graph_fan8"),
    graph_large: ("graph_large_4mib",),
    segformer: ("segformer_b0_http",),
    segformer_load: ("segformer_b0_load",),
    segformer_stages: ("segformer_b0_stage",),
    segformer_memory: ("segformer_b0_pss",),
    cold_start: ("cold_start",),
    replica_kill_recovery: ("replica_kill_recovery",),
    idle_pss: ("idle_pss",),
}


def arguments_of(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", default="", metavar="PREFIX", help="only the rows whose names begin so")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (default: 5)")
    parser.add_argument("--repetitions", type=int, default=3, help="default: 3")
    parser.add_argument("--quick", action="store_true", help="one repetition of one second; writes no files")
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the servers are ended too.
    bench = Bench(arguments_of(__doc__))
    for program, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        require(program, f"install it with: apt-get install {package}")
    groups = [group for group, names in GROUPS.items() if any(bench.wants(name) for name in names)]
    if not groups:
        raise Failure(f"no benchmark is named '{bench.only}...'")
    for group in groups:
        group(bench)
        bench.write()


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"bench: {failure}")
