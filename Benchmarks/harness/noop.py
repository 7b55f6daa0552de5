"""Requests that do nothing, over HTTP."""

import contextlib
from dataclasses import dataclass

from .bench import Bench
from .nginx import Nginx, nginx_alone, nginx_pair
from .processes import Server, cpu_seconds, pss_megabytes
from .servers import VARIANTS, roles
from .wrk import load

# Which variants are measured with how many connections, and against what.
PAIR, ALONE, ONE_LOOP = "nginx -> nginx", "one nginx", "one event loop"
ROWS = [(32, "process", PAIR), (256, "process", PAIR), (1, "process", PAIR), (32, "process2", PAIR),
        (32, "direct", PAIR), (32, "proxies2", PAIR), (256, "proxies2", PAIR),
        (32, "inprocess", PAIR), (256, "inprocess", PAIR), (32, "inprocess", ALONE), (256, "inprocess", ALONE),
        (32, "hummingbird", PAIR), (256, "hummingbird", PAIR),
        (1, "two_loops", ONE_LOOP), (32, "two_loops", ONE_LOOP), (256, "two_loops", ONE_LOOP)]
# What a replica answers on connections of its own.
DIRECT = "direct_noop_c32"
ROLES = ("front", "replica")


def row_name(count: int, variant: str, baseline: str) -> str:
    if variant == "direct":
        return DIRECT
    return f"http_noop_c{count}.{variant}" + ("_alone" if baseline == ALONE else "")


def names_of(count: int, variant: str, baseline: str) -> list[str]:
    names = [row_name(count, variant, baseline)]
    if variant == "two_loops":
        names += [f"two_loops_c{count}_pss"]
    if variant == "process":  # The rows of latency and CPU are about it.
        names += [f"http_noop_c{count}_p50.process"] + [f"http_noop_c{count}_{role}_cpu.process" for role in ROLES]
    return names


@dataclass
class Run:
    per_second: float
    p50: float
    cpu: dict[str, float]
    pss: float


def http_noop(bench: Bench) -> None:
    wanted = [row for row in ROWS if any(map(bench.wants, names_of(*row)))]
    with contextlib.ExitStack() as stack:
        starts = {PAIR: nginx_pair, ALONE: nginx_alone, ONE_LOOP: VARIANTS["one_loop"]}
        baselines = {name: start for name, start in starts.items() if any(row[2] == name for row in wanted)}
        variants = {row[1]: VARIANTS[row[1]] for row in wanted}
        servers = {name: stack.enter_context(start()) for name, start in (baselines | variants).items()}
        for server in servers.values():
            server.wait_until_ready()
            load(server, 32, 1)
        for row in wanted:
            count, variant, baseline = row
            runs = bench.pairs(servers[variant], servers[baseline], lambda server: measure(bench, server, count))
            add_rows(bench, row, *runs)


def measure(bench: Bench, server: Server | Nginx, connections: int) -> Run:
    processes = roles(server)
    before = {role: cpu_seconds(pid) for role, pid in processes.items()}
    result = load(server, connections, bench.seconds)
    used = {role: (cpu_seconds(pid) - before[role]) * 1e6 / result.requests for role, pid in processes.items()}
    return Run(result.per_second, result.p50_microseconds, used, pss_megabytes(list(processes.values())))


def add_rows(bench: Bench, row: tuple[int, str, str], runs: list[Run], baselines: list[Run]) -> None:
    count, variant, baseline = row
    rates = ([run.per_second for run in runs], [run.per_second for run in baselines])
    bench.add(row_name(*row), "req/s", *rates, baseline)
    if variant == "two_loops":
        bench.add(f"two_loops_c{count}_pss", "MB", [run.pss for run in runs], [run.pss for run in baselines], baseline)
    if variant != "process":
        return
    p50 = f"http_noop_c{count}_p50.process"
    bench.add(p50, "us", [run.p50 for run in runs], [run.p50 for run in baselines], baseline)
    for role in ROLES:
        bench.add(f"http_noop_c{count}_{role}_cpu.process", "us", [run.cpu[role] for run in runs],
                  [run.cpu[role] for run in baselines], baseline)
