"""1 MiB there and back."""

import os

from .bench import Bench
from .nginx import Nginx, nginx_echo_pair
from .processes import Failure, Server, post
from .servers import bench_app
from .wrk import load

MEGABYTE = 1 << 20


# The names of the rows, and what makes the server take that way.
ROWS = {"echo_1mb_shm": [], "echo_1mb_c8": ["shared=0"]}
NAMES = list(ROWS)


def echo(bench: Bench) -> None:
    for name, arguments in ROWS.items():
        if bench.wants(name):
            echo_by(bench, name, arguments)


def echo_by(bench: Bench, name: str, arguments: list[str]) -> None:
    with nginx_echo_pair() as nginx, bench_app("process", "process", "1", "echo", *arguments, path="/echo") as app:
        for server in (nginx.wait_until_ready(), app.wait_until_ready()):
            require_echo(server)
            load(server, 8, 1, "/echo", MEGABYTE)
        values, baselines = bench.pairs(
            app, nginx, lambda server: load(server, 8, bench.seconds, "/echo", MEGABYTE).per_second)
        bench.add(name, "req/s", values, baselines, nginx.name)


def require_echo(server: Server | Nginx) -> None:
    body = os.urandom(MEGABYTE)
    status, answer = post(server.port, "/echo", body)
    if status != 200 or answer != body:
        raise Failure(f"{server.name} does not echo: status {status}, {len(answer)} bytes")
