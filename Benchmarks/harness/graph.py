"""Graphs beside the same calls written by hand."""

import http.client
from dataclasses import dataclass

from .processes import Server, binary, free_port
from .wrk import load

PLACEMENTS = {"process": "process", "inprocess": "inProcess"}
CONNECTIONS = 32


@dataclass
class Side:
    """One of both versions that a server has, as something to load."""
    name: str
    port: int

    @property
    def path(self):
        return f"/{self.name}"

    def load(self, connections, seconds):
        return load(self, connections, seconds, body_bytes=1, content_type="application/json")


def graph_flows(bench):
    """No-op nodes: requests per second, the latency of a lone request, and what the graph adds to it."""
    for flow in ("chain3", "fan8"):
        for suffix, placement in PLACEMENTS.items():
            rate, p50, added = (f"graph_{flow}{kind}.{suffix}" for kind in ("", "_p50", "_added"))
            if not any(map(bench.wants, (rate, p50, added))):
                continue
            with bench_graph(flow, placement) as server:
                sides = both_sides(server)
                rates = bench.in_turn(sides, lambda side: side.load(CONNECTIONS, bench.seconds).per_second)
                bench.add(rate, "req/s", rates["graph"], rates["hand"])
                times = bench.in_turn(sides, lambda side: side.load(1, bench.seconds).p50_microseconds)
                bench.add(p50, "us", times["graph"], times["hand"])
                differences = [graph - hand for graph, hand in zip(times["graph"], times["hand"])]
                bench.add(added, "us", differences, times["hand"])


def graph_large(bench):
    """4 MiB from one node to the next."""
    for suffix, placement in PLACEMENTS.items():
        name = f"graph_large_4mib.{suffix}"
        if not bench.wants(name):
            continue
        with bench_graph("large_4mib", placement) as server:
            times = bench.in_turn(both_sides(server),
                                  lambda side: side.load(1, bench.seconds).p50_microseconds / 1e3)
            bench.add(name, "ms", times["graph"], times["hand"])


def bench_graph(flow, placement):
    port = free_port()
    return Server(f"graph-{flow}-{placement}", [binary("bench-graph"), str(port), flow, placement], port)


def both_sides(server):
    """The sides, once both have answered and are warm."""
    sides = [Side("graph", server.port), Side("hand", server.port)]
    server.wait_until_ready(probe=lambda: all(is_answered(side) for side in sides))
    for side in sides:
        side.load(CONNECTIONS, 1)
    return sides


def is_answered(side):
    connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=5)
    try:
        connection.request("POST", side.path, "1", {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
