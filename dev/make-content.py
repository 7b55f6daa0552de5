#!/usr/bin/env python3
"""Makes the contents of requests that tests compare with: forms, with the parts that werkzeug finds in them, and data
coded by Python's zlib and gzip, with what these read.

Takes no time, so it always runs. Needs: dev/python-env.sh content.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import zlib
from pathlib import Path

from werkzeug.formparser import MultiPartParser

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    out = ROOT / ".cache" / "content"
    out.mkdir(parents=True, exist_ok=True)
    (out / "forms.json").write_text(json.dumps([form(*each) for each in forms()], indent=1))
    (out / "codings.json").write_text(json.dumps([coding(*each) for each in codings()], indent=1))


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Forms


def form(name: str, body: bytes) -> dict:
    """The parts as werkzeug reads them, or none if it refuses the form."""
    try:
        fields, files = MultiPartParser().parse(io.BytesIO(body), b"XX", len(body))
    except ValueError:
        return {"name": name, "body": text(body), "parts": None}
    parts = [{"name": key, "body": text(value.encode())} for key, value in fields.items(multi=True)]
    for key, file in files.items(multi=True):
        parts.append({"name": key, "filename": file.filename, "type": file.content_type, "body": text(file.read())})
    return {"name": name, "body": text(body), "parts": parts}


def forms() -> list[tuple[str, bytes]]:
    def part(parameters: bytes = b"", body: bytes = b"b") -> bytes:
        return b'--XX\r\nContent-Disposition: form-data; name="n"' + parameters + b"\r\n\r\n" + body + b"\r\n"

    def file(parameters: bytes) -> tuple[str, bytes]:
        return parameters.decode(), part(b"; " + parameters) + b"--XX--\r\n"

    plain = part() + b"--XX--\r\n"
    return [
        ("nothing special", plain),
        ("preamble", b"This is a message\r\nin several\r\n\r\nlines.\r\n" + plain),
        ("leading line end", b"\r\n" + plain),
        ("several leading line ends", b"\r\n\r\n" + plain),
        ("preamble with a line that begins like a delimiter", b"--XXX\r\n--X\r\n" + plain),
        ("padding", part().replace(b"XX\r\n", b"XX \t \r\n") + b"--XX-- \r\n"),
        ("epilogue", plain + b"and more\r\n--XX\r\n"),
        ("epilogue on the same line", plain.removesuffix(b"\r\n") + b"more"),
        ("no last line end", plain.removesuffix(b"\r\n")),
        ("only the last delimiter", b"--XX--\r\n"),
        ("only the last delimiter behind a preamble", b"x\r\n--XX--"),
        ("content that begins like a delimiter", part(body=b"\r\n--XXY\r\n--XX y\r\n-\r\n--X") + b"--XX--"),
        ("no content", b'--XX\r\nContent-Disposition: form-data; name="n"\r\n\r\n--XX--'),
        ("content of no bytes", part(body=b"") + b"--XX--"),
        ("two parts", part() + part(b'; filename="a"', b"c\r\n") + b"--XX--"),
        ("no last delimiter", part()),
        ("half of the last delimiter", part() + b"--XX-"),
        ("a delimiter in the middle of a line", part(body=b"b--XX--")),
        file(b'filename="plain.png"'),
        file(b"filename*=UTF-8''a%20b%c3%a9%E2%82%AC.png"),
        file(b"filename*=utf-8'en'x.png"),
        file(b"filename=\"old.png\"; filename*=UTF-8''new.png"),
        file(b"filename*=iso-8859-1'en'%e9%A3.png"),
        file(b"filename*=us-ascii''a.png"),
        file(b"filename*=UTF-8''%zz%4.png"),
        file(b"filename*=UTF-8''%ff.png"),
        file(b"filename*=no-charset.png"),
        (
            "name in the extended notation",
            b"--XX\r\nContent-Disposition: form-data; name*=UTF-8''n%20%c3%bc\r\n\r\nb\r\n--XX--",
        ),
    ]


# Codings


def coding(name: str, kind: str, data: bytes) -> dict:
    """What Python reads, or none if it refuses the data."""
    try:
        decoded = decode(kind, data)
    except (zlib.error, EOFError, OSError):
        decoded = None
    return {"name": name, "coding": kind, "data": text(data), "decoded": None if decoded is None else text(decoded)}


def decode(kind: str, data: bytes) -> bytes:
    if kind == "gzip":
        return gzip.decompress(data)
    # As `requests` does it: the standard's format, and raw data if that fails.
    try:
        return inflate(data, zlib.MAX_WBITS)
    except zlib.error:
        return inflate(data, -zlib.MAX_WBITS)


def inflate(data: bytes, bits: int) -> bytes:
    decoder = zlib.decompressobj(bits)
    decoded = decoder.decompress(data) + decoder.flush()
    if not decoder.eof or decoder.unused_data:
        raise zlib.error("incomplete, or with bytes behind the end")
    return decoded


def deflate(data: bytes, level: int, bits: int, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, bits, 8, strategy)
    return encoder.compress(data) + encoder.flush()


def codings() -> list[tuple[str, str, bytes]]:
    numbers = random.Random(1)
    contents = {
        "nothing": b"",
        "a byte": b"x",
        "text": b"The quick brown fox jumps over the lazy dog. " * 100,
        "noise": numbers.randbytes(3000),
        "zeros": bytes(70_000),
    }
    cases = []
    for name, content in contents.items():
        for level in [0, 1, 6, 9]:
            cases.append((f"{name}, level {level}", "gzip", deflate(content, level, 31)))
            cases.append((f"{name}, zlib, level {level}", "deflate", deflate(content, level, 15)))
            cases.append((f"{name}, raw, level {level}", "deflate", deflate(content, level, -15)))
        cases.append((f"{name}, small window", "deflate", deflate(content, 6, 9)))
        cases.append((f"{name}, small raw window", "deflate", deflate(content, 6, -9)))
        cases.append((f"{name}, fixed codes", "deflate", deflate(content, 6, -15, zlib.Z_FIXED)))
    member = gzip.compress(contents["text"], 6)
    named = io.BytesIO()
    with gzip.GzipFile("name.txt", "wb", 9, named, 1_000_000_000) as file:
        file.write(b"named")
    cases += [
        ("a name and a time in the header", "gzip", named.getvalue()),
        ("two members", "gzip", member + gzip.compress(b"second")),
        ("many members", "gzip", b"".join(gzip.compress(b"%d," % number) for number in range(100))),
        ("an empty member between two", "gzip", member + gzip.compress(b"") + member),
        ("garbage behind", "gzip", member + b"garbage"),
        ("half a member behind", "gzip", member + member[:20]),
        ("text", "gzip", b"plain text"),
        ("text", "deflate", b"plain text"),
        ("zlib data", "gzip", deflate(b"abc", 6, 15)),
        ("bytes behind", "deflate", deflate(b"abc", 6, 15) + b"x"),
        ("bytes behind raw data", "deflate", deflate(b"abc", 6, -15) + b"x"),
        ("a dictionary", "deflate", bytes([0x78, 0xBB, 0, 0, 0, 1, 0x4B, 0x4C, 0x4A, 6, 0])),
    ]
    for kind, data in [("gzip", member), ("deflate", deflate(contents["text"], 6, 15))]:
        for length in [1, 2, 5, 10, 11, len(data) // 2, len(data) - 9, len(data) - 4, len(data) - 1]:
            cases.append((f"cut to {length}", kind, data[:length]))
        for index in range(0, len(data), 7):
            damaged = bytearray(data)
            damaged[index] ^= 1 << numbers.randrange(8)
            cases.append((f"damaged at {index}", kind, bytes(damaged)))
    return cases


if __name__ == "__main__":
    main()
