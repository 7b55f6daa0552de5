"""Clients that break the rules, or stretch them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from .clients import Load
from .pattern import pattern
from .requests import Maker
from .wire import Connection, chunked, head

# How long the server may take to get rid of a client that sends nothing more: its own limits are 10 s for a head and
# 30 s for a pause in a body.
PATIENCE_SECONDS = 60.0

Attack = Callable[[Load, Maker], Awaitable[None]]


async def refused(load: Load, connection: Connection, what: str) -> None:
    """Waits for the server to refuse what was sent: with a status that is no success, or by closing."""
    load.tally.others["hostile"] += 1
    answer = asyncio.ensure_future(connection.reader.read(1 << 16))
    stop = asyncio.ensure_future(load.stopping.wait())
    await asyncio.wait((answer, stop), timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not answer.done():
        answer.cancel()
        if not load.stopping.is_set():
            load.tally.is_hung(f"{what}: neither refused nor closed for {PATIENCE_SECONDS:.0f} s")
    elif not answer.exception() and answer.result()[9:10] == b"2":
        load.tally.wrong += 1
        load.tally.note("wrong", f"{what}: accepted with {answer.result()[:80]!r}")
    connection.abort()


async def one_byte_chunks(load: Load, maker: Maker) -> None:
    """Allowed, as long as the framing stays within its limit."""
    body = pattern(maker.offset(), maker.random.randint(1, 1500))
    request = maker.request("echo", "GET", "/echo", b"", body)
    request.what += ", in chunks of one byte"
    connection = await load.open()
    request.started = time.monotonic()
    connection.send(head("POST", "/echo", x_request_id=request.number, transfer_encoding="chunked"))
    content = chunked(body, [1])
    for at in range(0, len(content), 600):
        connection.send(content[at:at + 600])
        await asyncio.sleep(0)
    if await load.judge(connection, request):
        connection.close()


async def pipelining(load: Load, maker: Maker) -> None:
    """Many requests before the first answer is read; every other time nothing is read at all."""
    connection = await load.open(receive_buffer=16 << 10)
    requests = []
    for _ in range(maker.random.randint(2, 60)):
        body = pattern(maker.offset(), maker.size(8 << 10))
        requests.append(maker.request("local", "POST", "/local", body, body))
    connection.send(b"".join(request.wire for request in requests))
    await load.pause(maker.random.uniform(0, 3))
    if maker.random.random() < 0.5:
        load.tally.others["hostile"] += 1
        return connection.abort()
    for request in requests:
        request.started = time.monotonic()
        if not await load.judge(connection, request):
            return
    connection.close()


async def half_head(load: Load, maker: Maker) -> None:
    connection = await load.open()
    text = head("POST", "/echo", content_length=10, x_padding="x" * maker.random.randint(0, 3000))
    connection.send(text[:maker.random.randint(1, len(text) - 1)])
    await refused(load, connection, "half a head")


async def missing_body(load: Load, maker: Maker) -> None:
    connection = await load.open()
    application = maker.random.choice(("echo", "local", "compose", "stream"))
    length = maker.random.choice((1, 5000, 1 << 20, 3 << 20, 500 << 20))
    part = pattern(maker.offset(), maker.random.randrange(min(length, 2 << 20)))
    connection.send(head("POST", f"/{application}", content_length=length) + part)
    if application == "stream":  # It answers before the end of the request, and then has to be cut.
        return await held(load, connection, f"{len(part)} of {length} bytes to /stream")
    await refused(load, connection, f"{len(part)} of {length} bytes to /{application}")


async def held(load: Load, connection: Connection, what: str) -> None:
    """Reads until the server closes."""
    load.tally.others["hostile"] += 1
    end = time.monotonic() + PATIENCE_SECONDS
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not load.stopping.is_set() and time.monotonic() < end:
                try:
                    if not await asyncio.wait_for(connection.reader.read(1 << 16), 1):
                        break
                except TimeoutError:
                    continue
            else:
                if not load.stopping.is_set():
                    load.tally.is_hung(f"{what}: not closed for {PATIENCE_SECONDS:.0f} s")
    except (OSError, TimeoutError):
        pass
    connection.abort()


async def garbage(load: Load, maker: Maker) -> None:
    connection = await load.open()
    connection.send(maker.random.randbytes(maker.random.choice((1, 20, 1000, 100_000))))
    await refused(load, connection, "garbage")


CHUNKS = (b"5\r\nabc\r\n0\r\n\r\n", b"zz\r\n", b"-1\r\n\r\n", b"f" * 17 + b"\r\n", b"3\r\nabcX\r\n", b"1" * 300,
          b"\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"3;" + b"a" * 400 + b"\r\nabc\r\n0\r\n\r\n")


async def wrong_chunks(load: Load, maker: Maker) -> None:
    connection = await load.open()
    chunk = maker.random.choice(CHUNKS)
    connection.send(head("POST", "/" + maker.random.choice(("echo", "local")), transfer_encoding="chunked") + chunk)
    await refused(load, connection, f"chunks {chunk[:20]!r}")


async def huge_head(load: Load, maker: Maker) -> None:
    connection = await load.open()
    text = maker.random.choice((
        head("GET", "/echo", x_large="x" * (200 << 10)),
        head("GET", "/" + "a" * (20 << 10)),
        head("GET", "/echo", **{f"x_{index}": index for index in range(300)}),
        b"A" * 4000,
    ))
    connection.send(text)
    await refused(load, connection, "a huge head")


async def smuggling(load: Load, maker: Maker) -> None:
    connection = await load.open()
    both = head("POST", "/echo", content_length=4, transfer_encoding="chunked") + b"0\r\n\r\n"
    two = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde"
    space = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length : 4\r\n\r\nabcd"
    connection.send(maker.random.choice((both, two, space)))
    await refused(load, connection, "two lengths")


ATTACKS: tuple[Attack, ...] = (one_byte_chunks, pipelining, half_head, missing_body, garbage, wrong_chunks, huge_head,
                               smuggling)


async def hostile(load: Load, maker: Maker) -> None:
    while not load.stopping.is_set():
        await maker.random.choice(ATTACKS)(load, maker)
        await load.pause(maker.random.uniform(0, 0.2))


def attackers(load: Load, count: int = 16) -> list[Awaitable[None]]:
    return [hostile(load, Maker(f"hostile{index}", load.seed)) for index in range(count)]
