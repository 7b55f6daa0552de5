#!/usr/bin/env python3
"""An open-loop client: begins a request at each moment of a schedule, whatever has become of the earlier ones, and
notes the fate of each. Times count from the scheduled moment. A process of its own, so that nothing else delays it:

    python3 -m harness.chaos.load PORT REQUESTS-PER-SECOND SECONDS SEED

Prints a JSON object for every ten seconds, and one at the end, with each failure."""

import errno
import json
import random
import select
import socket
import sys
import time
from array import array
from dataclasses import dataclass, field

TIMEOUT = 30.0
WINDOW = 10.0
MOST_CONNECTIONS = 8000
# So many requests are the only ones of their connections: they need a new one that is accepted.
FRESH = 0.05
PATHS = [("echo", 0.7), ("compose", 0.3)]


@dataclass
class Exchange:
    """A request and what came of it."""
    number: int
    path: str
    due: float
    is_last: bool
    reused: bool = False


@dataclass
class Connection:
    socket: socket.socket
    port: int = 0
    isOpen: bool = False
    exchange: Exchange | None = None
    received: bytes = b""


@dataclass
class Window:
    """What ended within a time."""
    sent: int = 0
    answered: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    latencies: array = field(default_factory=lambda: array("f"))
    gap: float = 0.0


class Load:
    def __init__(self, port: int, rate: float, seconds: float, seed: int):
        self.port, self.rate, self.seconds = port, rate, seconds
        self.chance = random.Random(f"{seed} load")
        self.poll = select.epoll()
        self.open: dict[int, Connection] = {}
        self.idle: list[Connection] = []
        self.failures: list[dict] = []
        self.all, self.window = Window(), Window()
        self.answered_at = 0.0

    # The schedule.

    def run(self) -> None:
        start = time.monotonic()
        self.answered_at, next_window, next_check, number = start, start + WINDOW, start + 1, 0
        due, end = start, start + self.seconds
        while due < end or any(each.exchange for each in self.open.values()):
            now = time.monotonic()
            while due <= now and due < end:
                self.begin(number, due)
                number += 1
                due = start + number / self.rate
            for descriptor, events in self.poll.poll(max(0.0, min(due - time.monotonic(), 0.1)) if due < end else 0.1):
                connection = self.open.get(descriptor)
                if connection:
                    self.ready(connection, events)
            if now >= next_check:
                self.expire(now)
                next_check = now + 1
            if now >= next_window:
                self.report(now - start)
                next_window += WINDOW
            if due >= end:
                self.answered_at = time.monotonic()
        print(json.dumps({"end": True, "requests": number, **self.summary(self.all), "failures": self.failures}))

    def begin(self, number: int, due: float) -> None:
        path = self.chance.choices([name for name, _ in PATHS], [share for _, share in PATHS])[0]
        exchange = Exchange(number, path, due, is_last=self.chance.random() < FRESH)
        self.window.sent += 1
        self.all.sent += 1
        connection = None if exchange.is_last or not self.idle else self.idle.pop()
        if connection:
            exchange.reused = True
            connection.exchange = exchange
            return self.send(connection)
        if len(self.open) >= MOST_CONNECTIONS:
            return self.fail(exchange, 0, "no-connection", "the client has too many connections open")
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = client.connect_ex(("127.0.0.1", self.port))
        connection = Connection(client, exchange=exchange)
        if error not in (0, errno.EINPROGRESS):
            client.close()
            return self.fail(exchange, 0, "refused", errno.errorcode.get(error, str(error)))
        self.open[client.fileno()] = connection
        if error == 0:
            connection.isOpen = True
            self.poll.register(client, select.EPOLLIN)
            self.send(connection)
        else:
            self.poll.register(client, select.EPOLLIN | select.EPOLLOUT)

    def send(self, connection: Connection) -> None:
        exchange = connection.exchange
        assert exchange
        last = "connection: close\r\n" if exchange.is_last else ""
        head = f"GET /{exchange.path}/{exchange.number} HTTP/1.1\r\nhost: chaos\r\n{last}\r\n".encode()
        try:
            connection.port = connection.port or connection.socket.getsockname()[1]
            connection.socket.send(head)
        except OSError as error:
            self.cut(connection, str(error))

    # What comes.

    def ready(self, connection: Connection, events: int) -> None:
        if not connection.isOpen:
            error = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                exchange = connection.exchange
                self.close(connection)
                kind = "refused" if error == errno.ECONNREFUSED else "reset"
                return self.fail(exchange, connection.port, kind, errno.errorcode.get(error, str(error)))
            connection.isOpen = True
            self.poll.modify(connection.socket, select.EPOLLIN)
            return self.send(connection)
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            return self.cut(connection, str(error))
        if not data:
            return self.cut(connection, "end of file")
        connection.received += data
        head, found, body = connection.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        if len(body) >= length:
            self.answered(connection, int(head[9:12]), head, body)

    def answered(self, connection: Connection, status: int, head: bytes, body: bytes) -> None:
        exchange, connection.exchange, connection.received = connection.exchange, None, b""
        if not exchange:
            return self.close(connection)
        if exchange.is_last or b"connection: close" in head.lower():
            self.close(connection)
        else:
            self.idle.append(connection)
        if status != 200:
            return self.fail(exchange, connection.port, f"status {status}", body[:300].decode(errors="replace"))
        if body != b"%d" % exchange.number:
            return self.fail(exchange, connection.port, "wrong", body[:100].decode(errors="replace"))
        now = time.monotonic()
        for window in (self.window, self.all):
            window.answered += 1
            window.latencies.append(now - exchange.due)
            window.gap = max(window.gap, now - self.answered_at)
        self.answered_at = now

    # What goes wrong.

    def cut(self, connection: Connection, why: str) -> None:
        exchange = connection.exchange
        self.close(connection)
        if exchange:
            begun = "within an answer" if connection.received else "before an answer"
            self.fail(exchange, connection.port, "cut", f"{begun}: {why}")

    def close(self, connection: Connection) -> None:
        if self.open.pop(connection.socket.fileno(), None) is None:
            return
        if connection in self.idle:
            self.idle.remove(connection)
        self.poll.unregister(connection.socket)
        connection.socket.close()

    def expire(self, now: float) -> None:
        late = [each for each in self.open.values() if each.exchange and now - each.exchange.due > TIMEOUT]
        for connection in late:
            exchange = connection.exchange
            self.close(connection)
            self.fail(exchange, connection.port, "timeout", f"no answer within {TIMEOUT:.0f} s")

    def fail(self, exchange: Exchange | None, port: int, kind: str, what: str) -> None:
        if not exchange:
            return
        for window in (self.window, self.all):
            window.failed[kind] = window.failed.get(kind, 0) + 1
        self.failures.append({"number": exchange.number, "path": exchange.path, "due": exchange.due,
                              "at": time.monotonic(), "port": port, "reused": exchange.reused, "kind": kind,
                              "what": what})

    # What is told.

    def report(self, seconds: float) -> None:
        # A stall that has not ended yet counts, too.
        self.window.gap = max(self.window.gap, time.monotonic() - self.answered_at)
        print(json.dumps({"seconds": round(seconds), **self.summary(self.window)}), flush=True)
        self.window = Window()

    @staticmethod
    def summary(window: Window) -> dict:
        times = sorted(window.latencies)
        at = {name: times[min(len(times) - 1, int(share * len(times)))] * 1e3 if times else None
              for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1))}
        return {"sent": window.sent, "answered": window.answered, "failed": window.failed, "gap": window.gap * 1e3, **at}


if __name__ == "__main__":
    Load(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])).run()
