"""Damaged pictures, the same for the same seed, and what Pillow makes of them."""

from __future__ import annotations

import hashlib
import io
import random
import warnings
import zlib
from collections.abc import Iterator


def outcome(data: bytes, mode: str = "RGB", upright: bool = False) -> dict:
    """The size and a digest of the pixels that Pillow decodes, or why it refuses the file."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
            if upright:
                image = ImageOps.exif_transpose(image)
            image = image.convert(mode)
        except Exception as error:  # Pillow raises errors of many types.
            return {"refused": f"{type(error).__name__}: {str(error).split(' <')[0][:80]}"}
    return {"width": image.width, "height": image.height, "digest": hashlib.sha256(image.tobytes()).hexdigest()}


def shortest(data: bytes) -> int:
    """How many bytes of a file must be there for Pillow to read it."""
    length = len(data)
    while "refused" not in outcome(data[: length - 1]):
        length -= 1
    return length


def jpegs(picture, large: tuple[int, int] = (720, 480)) -> dict[str, bytes]:
    """Small and large files of each coding. Some large ones are longer than the blocks in which Pillow reads."""
    from PIL import Image

    def save(image, **options) -> bytes:
        file = io.BytesIO()
        image.save(file, "JPEG", **options)
        return file.getvalue()

    files = {}
    for size, (width, height) in {"small": (61, 47), "large": large}.items():
        rgb = Image.fromarray(picture(width, height, seed=width))
        cmyk = Image.frombytes("CMYK", (width, height), picture(width, height, channels=4, seed=width).tobytes())
        files |= {
            f"{size}": save(rgb),
            f"{size}-444": save(rgb, subsampling=0, quality=92),
            f"{size}-restart": save(rgb, restart_marker_blocks=3),
            f"{size}-progressive": save(rgb, progressive=True),
            f"{size}-progressive-restart": save(rgb, progressive=True, restart_marker_rows=1),
            f"{size}-gray": save(rgb.convert("L")),
            f"{size}-gray-progressive": save(rgb.convert("L"), progressive=True),
            f"{size}-cmyk": save(cmyk),
        }
    return files


def pngs(picture, png, png_chunk) -> dict[str, bytes]:
    """Files of some colour types, plain and interlaced, with one IDAT chunk and with several."""
    from PIL import Image

    def split(data: bytes, length: int) -> bytes:
        result = data[:8]
        for start, end in segments(data)[1:]:
            name, content = data[start + 4 : start + 8], data[start + 8 : end - 4]
            for at in range(0, len(content), length) if name == b"IDAT" else []:
                result += png_chunk(name, content[at : at + length])
            if name != b"IDAT":
                result += data[start:end]
        return result

    rgb = picture(61, 47)
    levels = picture(37, 29, channels=1) // 16
    palette = png_chunk(b"PLTE", bytes(range(48))) + png_chunk(b"tRNS", bytes([0, 128, 255, 7]))
    text = png_chunk(b"tEXt", b"Title\0A picture") + png_chunk(b"gAMA", (45455).to_bytes(4, "big"))
    file = io.BytesIO()
    Image.fromarray(picture(300, 200, seed=5)).save(file, "PNG")
    plain = png(rgb, 8, 2, extra=text)
    return {
        "rgb": plain,
        "rgb-split": split(plain, 1000),
        "rgb-interlaced": split(png(rgb, 8, 2, interlaced=True), 700),
        "rgba": png(picture(61, 47, channels=4), 8, 6),
        "gray": png(rgb[..., 0], 8, 0),
        "gray-2": png(levels // 4, 2, 0),
        "palette": png(levels, 4, 3, extra=palette),
        "palette-interlaced": png(levels, 4, 3, interlaced=True, extra=palette),
        "filtered": split(file.getvalue(), 8192),
    }


def segments(data: bytes) -> list[tuple[int, int]]:
    """Where the parts of a sound file begin and end: the chunks of a PNG, the segments and scans of a JPEG."""
    found = []
    if data[:4] == b"\x89PNG":
        found.append((0, 8))
        at = 8
        while at < len(data):
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
            found.append((at, end))
            at = end
        return found
    at = 0
    while at < len(data):
        marker = data[at + 1]
        end = at + 2
        if marker not in (0xD8, 0xD9):
            end += int.from_bytes(data[end : end + 2], "big")
        if marker == 0xDA:
            while not (data[end] == 0xFF and data[end + 1] != 0 and not 0xD0 <= data[end + 1] <= 0xD7):
                end += 1
        found.append((at, end))
        at = end
    return found


def damage(data: bytes, random_: random.Random) -> tuple[str, bytes]:
    """One kind of damage, chosen at random."""
    is_png = data[:4] == b"\x89PNG"
    parts = segments(data)
    end_length = 12 if is_png else 2
    body = data[:-end_length]
    kind = random_.choice(list(KINDS) + (["checksums"] * 2 if is_png else []))
    at = random_.randrange(8, len(data))
    if kind == "cut":
        return kind, data[:at]
    if kind == "cut at the end":
        return kind, data[: len(data) - random_.randint(1, 40)]
    if kind == "cut and ended":
        return kind, data[:at] + data[-end_length:]
    if kind == "cut and padded":
        return kind, data[:at] + random_.choice([bytes(random_.randint(1, 5000)), b"\xff" * random_.randint(1, 99)])
    if kind == "padded, no end":
        return kind, body + random_.choice([bytes(random_.randint(1, 70_000)), random_.randbytes(random_.randint(1, 99))])
    if kind == "padded behind the end":
        return kind, data + random_.choice([bytes(random_.randint(1, 5000)), random_.randbytes(random_.randint(1, 300)), data])
    if kind in ("bits in the header", "bits"):
        changed = bytearray(data)
        reach = min(700, len(data)) if kind == "bits in the header" else len(data)
        for _ in range(random_.randint(1, 4)):
            changed[random_.randrange(2, reach)] ^= 1 << random_.randrange(8)
        return kind, bytes(changed)
    if kind == "bytes":
        changed = bytearray(data)
        for _ in range(random_.randint(1, 8)):
            changed[random_.randrange(2, len(data))] = random_.choice([0, 0xFF, random_.randrange(256)])
        return kind, bytes(changed)
    start, end = random_.choice(parts[1:])
    if kind == "part removed":
        return kind, data[:start] + data[end:]
    if kind == "part doubled":
        return kind, data[:end] + data[start:end] + data[end:]
    if kind == "part moved":
        rest = data[:start] + data[end:]
        target = random_.choice([s for s, _ in parts[1:] if s <= start] + [len(rest)])
        return kind, rest[:target] + data[start:end] + rest[target:]
    if kind == "bytes between parts":
        return kind, data[:start] + random_.randbytes(random_.randint(1, 12)) + data[start:]
    length = random_.randint(1, 200)
    if kind == "range removed":
        return kind, data[:at] + data[at + length :]
    if kind == "range zeroed":
        return kind, (data[:at] + bytes(length) + data[at + length :])[: len(data)]
    if kind == "range doubled":
        return kind, data[: at + length] + data[at:]
    if kind == "length changed":
        changed = bytearray(data)
        position = start + (3 if is_png else 2) + random_.randrange(1 if is_png else 2)
        if position < len(changed):
            changed[position] = (changed[position] + random_.choice([1, 255, 2, 128])) % 256
        return kind, bytes(changed)
    # Right checksums after a change, without which hardly any change of a PNG is more than a wrong checksum.
    changed = bytearray(data)
    for _ in range(random_.randint(1, 3)):
        begin, finish = random_.choice(parts[1:])
        changed[random_.randrange(begin + 4, finish - 4)] = random_.randrange(256)
    for begin, finish in parts[1:]:
        changed[finish - 4 : finish] = zlib.crc32(changed[begin + 4 : finish - 4]).to_bytes(4, "big")
    return kind, bytes(changed)


KINDS = [
    "cut", "cut at the end", "cut and ended", "cut and padded", "padded, no end", "padded behind the end",
    "bits in the header", "bits", "bytes", "part removed", "part doubled", "part moved", "bytes between parts",
    "range removed", "range zeroed", "range doubled", "length changed",
]  # fmt: skip


def damages(files: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files, each with its name: the number, the file and the kind of damage."""
    random_ = random.Random(seed)
    names = sorted(files)
    for number in range(count):
        name = names[number % len(names)]
        kind, data = damage(files[name], random_)
        yield f"{number}: {name}, {kind}", data
