"""Requests of clients that behave, made at random."""

import json
import random
import zlib

from .pattern import CYCLE, pattern
from .tally import Request
from .wire import chunked, head

# Around these sizes something changes: nothing, a header's worth, a chunk, what is kept, what is handed over whole.
EDGES = (0, 1, 1 << 10, 16 << 10, 64 << 10, 1 << 20, 4 << 20)


class Maker:
    """The requests of one client."""

    def __init__(self, name: str, seed: int):
        self.name, self.random, self.count = name, random.Random(f"{seed} {name}"), 0

    def size(self, most: int = 4 << 20) -> int:
        """Mostly small, now and then up to `most`."""
        kind = self.random.random()
        if kind < 0.1:
            size = self.random.choice(EDGES) + self.random.randint(-1, 1)
        else:
            size = int(self.random.triangular(0, 1 << 10 if kind < 0.7 else 64 << 10 if kind < 0.9 else 2 << 20, 0))
        return max(0, min(size, most))

    def offset(self) -> int:
        return self.random.randrange(CYCLE)

    def body(self, most: int = 4 << 20) -> bytes:
        return pattern(self.offset(), self.size(most))

    def request(self, application: str, method: str, target: str, body: bytes, due: bytes, **fields: object) -> Request:
        self.count += 1
        number = f"{self.name}-{self.count}"
        if method == "GET":
            framing, content = {}, b""
        elif self.random.random() < 0.15:
            sizes = [self.random.randint(1, 200 << 10) for _ in range(5)]
            framing, content = {"transfer_encoding": "chunked"}, chunked(body, sizes)
        else:
            framing, content = {"content_length": len(body)}, body
        wire = head(method, target, x_request_id=number, **framing, **fields) + content
        how = " in chunks" if "transfer_encoding" in framing else ""
        what = f"{number} {method} {target} with {len(body)} bytes{how}, {len(due)} are due"
        return Request(application, wire, due, number, what)

    def echo(self, application: str) -> Request:
        body = self.body()
        return self.request(application, "POST", f"/{application}", body, body)

    def small(self, application: str) -> Request:
        body = self.body(2 << 10)
        return self.request(application, "POST", f"/{application}", body, body)

    def compose(self, application: str) -> Request:
        body, offset = self.body(), self.offset()
        count = self.size(8 << 20) if self.random.random() < 0.5 else 0
        if self.random.random() < 0.03:
            count = self.random.randint(1 << 20, 8 << 20)
        calls = self.random.choice((0, 0, 0, 1, 4, 20, 100))
        target = f"/{application}?offset={offset}&count={count}&calls={calls}"
        return self.request(application, "POST", target, body, body + pattern(offset, count))

    def stream(self) -> Request:
        if self.random.random() < 0.5:
            body = self.body()
            return self.request("stream", "POST", "/stream", body, body)
        offset, count = self.offset(), self.size()
        return self.request("stream", "GET", f"/stream?offset={offset}&count={count}", b"", pattern(offset, count))

    def graph(self) -> Request:
        offset = self.offset()
        count = self.size() if self.random.random() < 0.6 else self.random.randint(64 << 10, 4 << 20)
        body = json.dumps({"offset": offset, "count": count}).encode()
        due = json.dumps([zlib.adler32(pattern(offset, count))] * 3, separators=(",", ":")).encode()
        request = self.request("graph", "POST", "/graph", body, due, content_type="application/json")
        request.what += f", {body!r}"
        return request

    def calls(self) -> Request:
        """A part of the pattern, which comes by some kind of call between replicas."""
        kind = self.random.choice(("batch", "hedge", "model", "stream", "argument", "relay"))
        offset, count = self.offset(), self.size(1 << 20)
        left = f"&leave={self.random.randrange(3000)}" if self.random.random() < 0.2 else ""
        target = f"/calls?kind={kind}&offset={offset}&count={count}{left}"
        return self.request("calls", "GET", target, b"", pattern(offset, count))

    def large(self) -> Request:
        """An answer of some MiB, for those who read it slowly."""
        offset, count = self.offset(), self.random.randint(1 << 20, 4 << 20)
        kind, due = self.random.randrange(4), pattern(offset, count)
        if kind == 0:
            return self.request("stream", "GET", f"/stream?offset={offset}&count={count}", b"", due)
        if kind == 1:
            return self.request("compose", "POST", f"/compose?offset={offset}&count={count}", b"", due)
        application = ("echo", "local")[kind - 2]
        return self.request(application, "POST", f"/{application}", due, due)

    def any(self) -> Request:
        makers = (lambda: self.echo("echo"), lambda: self.echo("local"), lambda: self.compose("compose"),
                  lambda: self.compose("mixed"), self.stream, self.graph, self.calls)
        return self.random.choice(makers)()
