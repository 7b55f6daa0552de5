"""Graphs beside the same calls written by hand."""

import http.client
from dataclasses import dataclass

from .bench import Bench
from .processes import Server, binary, free_port
from .wrk import Load, load

PLACEMENTS = {"process": "process", "inprocess": "inProcess"}
CONNECTIONS = 32
BY_HAND = "the same calls by hand"


@dataclass
class Side:
    """One of both versions that a server has, as something to load."""
    name: str
    port: int

    @property
    def path(self) -> str:
        return f"/{self.name}"

    def load(self, connections: int, seconds: int) -> Load:
        return load(self, connections, seconds, body=1, content_type="application/json")


def graph_flows(bench: Bench) -> None:
    """No-op nodes: requests per second, the latency of a lone request, and what the graph adds to it."""
    for flow in ("chain3", "fan8"):
        for suffix, placement in PLACEMENTS.items():
            rate, p50, added = (f"graph_{flow}{kind}.{suffix}" for kind in ("", "_p50", "_added"))
            if not any(map(bench.wants, (rate, p50, added))):
                continue
            with bench_graph(flow, placement) as server:
                graph, hand = both_sides(server)
                if bench.wants(rate):
                    rates = bench.pairs(graph, hand, lambda side: side.load(CONNECTIONS, bench.seconds).per_second)
                    bench.add(rate, "req/s", *rates, BY_HAND)
                times, by_hand = bench.pairs(graph, hand, lambda side: side.load(1, bench.seconds).p50_microseconds)
                bench.add(p50, "us", times, by_hand, BY_HAND)
                bench.add_alone(added, "us", [mine - theirs for mine, theirs in zip(times, by_hand)])


def graph_large(bench: Bench) -> None:
    """4 MiB from one node to the next."""
    for suffix, placement in PLACEMENTS.items():
        name = f"graph_large_4mib.{suffix}"
        if not bench.wants(name):
            continue
        with bench_graph("large_4mib", placement) as server:
            times = bench.pairs(
                *both_sides(server), lambda side: side.load(1, bench.seconds).p50_microseconds / 1e3)
            bench.add(name, "ms", *times, BY_HAND)


def bench_graph(flow: str, placement: str) -> Server:
    port = free_port()
    return Server(f"graph-{flow}-{placement}", [binary("bench-graph"), str(port), flow, placement], port)


def both_sides(server: Server) -> list[Side]:
    """The sides, once both have answered and are warm."""
    sides = [Side("graph", server.port), Side("hand", server.port)]
    server.wait_until_ready(probe=lambda: all(is_answered(side) for side in sides))
    for side in sides:
        side.load(CONNECTIONS, 1)
    return sides


def is_answered(side: Side) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=5)
    try:
        connection.request("POST", side.path, "1", {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
