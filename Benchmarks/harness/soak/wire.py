"""HTTP/1.1 over asyncio's streams, as much as the clients need; nothing is repaired."""

import asyncio
import socket
import time
from dataclasses import dataclass

ANSWER_SECONDS = 60.0


class Cut(Exception):
    """The connection ended before the answer did. `begun` says whether anything of the answer had come."""

    def __init__(self, begun: bool, what: str):
        super().__init__(what)
        self.begun = begun


class Malformed(Exception):
    """What came is no answer."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


def head(method: str, target: str, **fields: object) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "host: soak"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunked(body: bytes, sizes: list[int]) -> bytes:
    """The body in chunks of these sizes, over and over."""
    parts, at, turn = [], 0, 0
    while at < len(body):
        part = body[at:at + max(1, sizes[turn % len(sizes)])]
        parts.append(b"%x\r\n%b\r\n" % (len(part), part))
        at += len(part)
        turn += 1
    return b"".join(parts) + b"0\r\n\r\n"


class Connection:
    """A connection to the server. `send` does not wait: large requests leave while their answer is read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, receive_buffer: int | None = None) -> "Connection":
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        except BaseException:
            client.close()
            raise
        return cls(*await asyncio.open_connection(sock=client, limit=receive_buffer or 1 << 20))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, bytes_per_second: int | None = None) -> Answer:
        """Reads an answer, at that pace if one is given.

        TimeoutError: it took longer than `ANSWER_SECONDS`; at a pace, there was nothing to read for so long."""
        if bytes_per_second:
            return await self.parse(bytes_per_second)
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self.parse(None)

    async def parse(self, bytes_per_second: int | None) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                first = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise Cut(bool(error.partial), f"in the head, after {error.partial[:60]!r}") from None
        except OSError as error:
            raise Cut(False, f"before the head: {error}") from None
        except asyncio.LimitOverrunError:
            raise Malformed("a head without an end") from None
        status, headers = parse_head(first)
        try:
            return Answer(status, headers, await self.body(headers, bytes_per_second))
        except asyncio.IncompleteReadError as error:
            raise Cut(True, f"in the body of a {status}, {len(error.partial)} bytes after its last part") from None
        except OSError as error:
            raise Cut(True, f"in the body of a {status}: {error}") from None

    async def body(self, headers: dict[str, str], pace: int | None) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self.read(int(headers.get("content-length", "0")), pace)
        parts: list[bytes] = []
        while True:
            line = await self.reader.readuntil(b"\r\n")
            try:
                size = int(line, 16)
            except ValueError:
                raise Malformed(f"the chunk size {line!r}") from None
            part = await self.read(size + 2, pace)
            if part[size:] != b"\r\n":
                raise Malformed(f"{part[size:]!r} after a chunk")
            if not size:
                return b"".join(parts)
            parts.append(part[:size])

    async def read(self, count: int, pace: int | None) -> bytes:
        if not pace:
            return await self.reader.readexactly(count)
        parts, got, began = [], 0, time.monotonic()
        while got < count:
            async with asyncio.timeout(ANSWER_SECONDS):
                part = await self.reader.read(min(count - got, 16 << 10))
            if not part:
                raise asyncio.IncompleteReadError(b"".join(parts), count)
            parts.append(part)
            got += len(part)
            # Behind its pace, because the machine is busy, it reads on at once.
            await asyncio.sleep(began + got / pace - time.monotonic())
        return b"".join(parts)

    def close(self) -> None:
        self.writer.close()

    def abort(self) -> None:
        """Ends the connection with a reset, whatever is on its way."""
        client = self.writer.get_extra_info("socket")
        if client and client.fileno() >= 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.writer.transport.abort()


def parse_head(text: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = text[:-4].decode("latin1").split("\r\n")
    version, _, rest = first.partition(" ")
    if version != "HTTP/1.1" or not rest[:3].isdigit():
        raise Malformed(f"the status line {first!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed(f"the header line {line!r}")
        headers[name.lower()] = value.strip()
    return int(rest[:3]), headers
