"""Clients that behave, and clients that go away."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from .requests import Maker
from .tally import Request, Tally
from .wire import ANSWER_SECONDS, Connection, Cut, Malformed

SLOW_BYTES_PER_SECOND = 512 << 10
BURST = 32


class Load:
    """What the clients share: where the server is, the verdicts, and whether it is time to stop."""

    def __init__(self, port: int, tally: Tally, seed: int):
        self.port, self.tally, self.seed = port, tally, seed
        self.stopping = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            pass

    async def open(self, receive_buffer: int | None = None) -> Connection:
        """A connection; being refused one counts as a lost request."""
        while True:
            try:
                return await Connection.open(self.port, receive_buffer)
            except OSError as error:
                self.tally.lost += 1
                self.tally.note("lost", f"no connection: {error}")
                await asyncio.sleep(0.5)

    async def exchange(self, connection: Connection, request: Request) -> bool:
        """Sends a request whole and judges its answer. Says whether the connection can carry another one."""
        request.started = time.monotonic()
        connection.send(request.wire)
        return await self.judge(connection, request)

    async def judge(self, connection: Connection, request: Request) -> bool:
        try:
            answer = await connection.answer(request.pace)
        except TimeoutError:
            self.tally.is_hung(f"{request.what}: no answer for {ANSWER_SECONDS:.0f} s")
        except Cut as cut:
            self.tally.cut(request, cut)
        except Malformed as error:
            self.tally.is_wrong(request, f"malformed: {error}")
        else:
            self.tally.take(request, answer)
            if not answer.is_last:
                return True
        connection.abort()
        return False


async def steady(load: Load, maker: Maker, make: Callable[[], Request]) -> None:
    """One request after another over a connection that is kept."""
    connection: Connection | None = None
    while not load.stopping.is_set():
        connection = connection or await load.open()
        if not await load.exchange(connection, make()):
            connection = None
        elif maker.random.random() < 0.01:
            connection.close()
            connection = None
    if connection:
        connection.close()


async def burst(load: Load, maker: Maker, make: Callable[[], Request]) -> None:
    """Many small requests at the same moment, each over a connection of its own, again and again."""
    connections: list[Connection] = []
    while not load.stopping.is_set():
        while len(connections) < BURST:
            connections.append(await load.open())
        requests = [make() for _ in connections]
        for connection, request in zip(connections, requests):
            request.started = time.monotonic()
            connection.send(request.wire)
        judged = await asyncio.gather(*map(load.judge, connections, requests))
        connections = [connection for connection, is_kept in zip(connections, judged) if is_kept]
        await load.pause(maker.random.uniform(0, 0.02))
    for connection in connections:
        connection.close()


async def slow(load: Load, maker: Maker, make: Callable[[], Request]) -> None:
    """Reads large answers at a steady rate, with little room for what it has not read."""
    while not load.stopping.is_set():
        connection = await load.open(receive_buffer=16 << 10)
        request = make()
        request.pace = SLOW_BYTES_PER_SECOND
        if await load.exchange(connection, request):
            connection.close()


async def leaver(load: Load, maker: Maker, make: Callable[[], Request]) -> None:
    """Goes away in the middle of a request, before the answer, or in the middle of it."""
    while not load.stopping.is_set():
        connection = await load.open()
        wire, kind = make().wire, maker.random.randrange(4)
        connection.send(wire[:maker.random.randrange(len(wire))] if kind < 2 else wire)
        try:
            if kind == 3:
                async with asyncio.timeout(1):
                    await connection.reader.read(maker.random.randint(1, 256 << 10))
            else:
                await asyncio.sleep(maker.random.choice((0, 0, 0.01, 0.3)))
        except (TimeoutError, OSError):
            pass
        connection.abort() if kind % 2 else connection.close()
        load.tally.others["left"] += 1


Client = Callable[[Load, Maker, Callable[[], Request]], Awaitable[None]]


def population(load: Load) -> list[Awaitable[None]]:
    """All of the clients above, ready to run."""
    kinds: list[tuple[str, int, Client, Callable[[Maker], Callable[[], Request]]]] = [
        ("echo", 8, steady, lambda maker: lambda: maker.echo("echo")),
        ("local", 4, steady, lambda maker: lambda: maker.echo("local")),
        ("compose", 4, steady, lambda maker: lambda: maker.compose("compose")),
        ("mixed", 3, steady, lambda maker: lambda: maker.compose("mixed")),
        ("stream", 3, steady, lambda maker: maker.stream),
        ("graph", 3, steady, lambda maker: maker.graph),
        ("calls", 6, steady, lambda maker: maker.calls),
        ("burst", 1, burst, lambda maker: lambda: maker.small("echo")),
        ("slow", 6, slow, lambda maker: maker.large),
        ("leaver", 4, leaver, lambda maker: maker.any),
    ]
    clients = []
    for name, count, client, makes in kinds:
        for index in range(count):
            maker = Maker(f"{name}{index}", load.seed)
            clients.append(client(load, maker, makes(maker)))
    return clients
