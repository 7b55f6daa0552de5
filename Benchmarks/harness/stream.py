"""Elements that a replica makes one after the other, as lines of an HTTP response."""

import socket
import time

from .bench import Bench
from .processes import Failure, Server
from .servers import bench_app, hummingbird

ITEMS = 500_000


def stream(bench: Bench) -> None:
    with hummingbird() as plain, bench_app("process", "process", "1", "stream") as app:
        for server in (plain.wait_until_ready(), app.wait_until_ready()):
            read(server, ITEMS // 10)
        values, baselines = bench.pairs(app, plain, lambda server: rate(server, bench.seconds))
        bench.add("stream_items.http", "items/s", values, baselines, "Hummingbird, which writes each line by itself")
        firsts, baselines = bench.pairs(app, plain, lambda server: first_item(server, bench.seconds))
        bench.add("stream_first_item.http", "us", firsts, baselines, "Hummingbird")


def rate(server: Server, seconds: float) -> float:
    start = time.perf_counter()
    items = 0
    while time.perf_counter() - start < seconds:
        items += read(server, ITEMS)
    return items / (time.perf_counter() - start)


def first_item(server: Server, seconds: float) -> float:
    """The median time from the request to the first line, on one connection."""
    times: list[float] = []
    with connect(server) as connection:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            start = time.perf_counter()
            send(connection, 1)
            seen = b""
            while b"token" not in seen:
                seen += connection.recv(65536)
            times.append(time.perf_counter() - start)
            while not seen.endswith(b"0\r\n\r\n"):
                seen += connection.recv(65536)
    return sorted(times)[len(times) // 2] * 1e6


def read(server: Server, count: int) -> int:
    """Reads a response of so many lines, and counts them by their quotes."""
    with connect(server) as connection:
        send(connection, count)
        quotes = 0
        end = b""
        while not end.endswith(b"0\r\n\r\n"):
            part = connection.recv(1 << 18)
            if not part:
                raise Failure(f"{server.name} cut the stream after {quotes // 2} lines")
            quotes += part.count(b'"')
            end = (end + part)[-8:]
    if quotes != 2 * count:
        raise Failure(f"{server.name} sent {quotes // 2} lines instead of {count}")
    return count


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def send(connection: socket.socket, count: int) -> None:
    connection.sendall(f"GET /stream/{count} HTTP/1.1\r\nhost: bench\r\n\r\n".encode())
