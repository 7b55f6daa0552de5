"""The servers under test."""

from collections.abc import Callable

from .nginx import Nginx
from .processes import Server, binary, children, free_port


def bench_app(name: str, *arguments: str, path: str = "/", environment: dict[str, str] | None = None) -> Server:
    port = free_port()
    return Server(name, [binary("bench-app"), str(port), *arguments], port, path, environment)


def hummingbird() -> Server:
    port = free_port()
    return Server("hummingbird", [binary("bench-hummingbird"), str(port)], port)


def process() -> Server:
    return bench_app("process", "process", "1")


VARIANTS: dict[str, Callable[[], Server]] = {
    "process": process,
    "one_loop": lambda: bench_app("one_loop", "process", "1", "loops=1"),
    "two_loops": lambda: bench_app("two_loops", "process", "1", "loops=2"),
    "process2": lambda: bench_app("process2", "process", "2"),
    "proxies2": lambda: bench_app("proxies2", "process", "1", "proxies=2"),
    # Two processes, like the two of nginx.
    "direct": lambda: bench_app("direct", "direct", "2"),
    "inprocess": lambda: bench_app("inprocess", "inProcess", "1"),
    "hummingbird": hummingbird,
}


def roles(server: Server | Nginx) -> dict[str, int]:
    """The processes that take the requests and answer them."""
    if isinstance(server, Nginx):
        return dict(zip(("front", "replica"), server.workers()))
    return dict(zip(("front", "replica"), [server.pid] + children(server.pid)))
