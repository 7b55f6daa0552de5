"""WebP, AVIF and HEIC files with the pixels that Pillow decodes from them, for make-golden.py.

`webp.json` lists files of every kind; NAME.bin holds the pixels in the modes L, RGB and RGBA, and in RGB after
ImageOps.exif_transpose, or is missing where Pillow refuses the file. `damaged.json` lists changes of these files with
the checksum of the pixels that Pillow makes of the result. `heif.json` lists AVIF and HEIC files; NAME.bin holds their
upright pixels in RGBA, HEIC by pillow-heif.
"""

from __future__ import annotations

import io
import json
import random
import warnings
import zlib
from pathlib import Path

import golden_images

ALPHA, EXIF, XMP, ANIMATION, ICC = 0x10, 0x08, 0x04, 0x02, 0x20


def make(out: Path, picture) -> None:
    warnings.simplefilter("ignore")
    files = {}
    for index, (width, height) in enumerate(golden_images.SIZES + [(97, 61)]):
        for name, data in kinds(picture, width, height, index).items():
            files[f"{name}-{width}x{height}.webp"] = data
    files |= containers(picture) | oriented(picture)
    entries = [write(out, name, data) for name, data in sorted(files.items())]
    write_json(out / "webp.json", entries)
    write_json(out / "damaged.json", [damage(name, files[name], seed) for seed, name in damaged_names(files)])
    write_json(out / "heif.json", [write_heif(out, *file) for file in heif_files(picture)])
    for name, data in heif_bombs().items():
        (out / name).write_bytes(data)


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def write(out: Path, name: str, data: bytes) -> dict:
    from PIL import Image, ImageOps

    (out / name).write_bytes(data)
    try:
        modes = [Image.open(io.BytesIO(data)).convert(mode) for mode in ["L", "RGB", "RGBA"]]
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    except Exception:
        return {"name": name}
    (out / f"{name}.bin").write_bytes(b"".join(image.tobytes() for image in [*modes, upright]))
    return {"name": name, "size": list(modes[0].size), "upright": list(upright.size)}


def encoded(image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", **options)
    return file.getvalue()


def kinds(picture, width: int, height: int, seed: int) -> dict[str, bytes]:
    """What Pillow writes: lossy and lossless, with and without transparency, animated."""
    from PIL import Image

    rgb = Image.fromarray(picture(width, height, seed=seed))
    rgba = Image.fromarray(picture(width, height, channels=4, seed=seed))
    clear = rgba.copy()
    clear.putalpha(Image.new("L", rgba.size, 0))
    other = Image.fromarray(picture(width, height, channels=4, seed=seed + 1))
    return {
        "lossy": encoded(rgb, quality=80),
        "rough": encoded(rgb, quality=3, method=0),
        "fine": encoded(rgb, quality=100, method=6),
        "gray": encoded(rgb.convert("L"), quality=70),
        "lossless": encoded(rgb, lossless=True),
        "lossless-fast": encoded(rgb, lossless=True, quality=0, method=0),
        "palette": encoded(rgb.quantize(13), lossless=True),
        "alpha": encoded(rgba, quality=75),
        "alpha-rough": encoded(rgba, quality=75, alpha_quality=20),
        "alpha-lossless": encoded(rgba, lossless=True, exact=True),
        "alpha-inexact": encoded(rgba, lossless=True),
        "clear": encoded(clear, quality=75),
        "clear-lossless": encoded(clear, lossless=True, exact=True),
        "animated": encoded(rgb, save_all=True, append_images=[other.convert("RGB")], quality=60),
        "animated-alpha": encoded(rgba, save_all=True, append_images=[other], lossless=True),
    }


def chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + (len(body) if size is None else size).to_bytes(4, "little") + body


def extended(flags: int, width: int, height: int) -> bytes:
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


def picture_chunks(data: bytes) -> bytes:
    """The chunks ALPH, VP8 and VP8L of a file."""
    at, found = 12, b""
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        if data[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
            found += data[at:end]
        at = end
    return found


def frame(data: bytes, x: int, y: int, width: int, height: int, flags: int = 0) -> bytes:
    sides = b"".join(n.to_bytes(3, "little") for n in [x // 2, y // 2, width - 1, height - 1, 100])
    return chunk(b"ANMF", sides + bytes([flags]) + picture_chunks(data))


def containers(picture) -> dict[str, bytes]:
    """Files whose container is put together by hand: frames that do not fill the canvas, and flags that say otherwise."""
    from PIL import Image

    lossy = encoded(Image.fromarray(picture(20, 12, seed=80)), quality=70)
    alpha = encoded(Image.fromarray(picture(20, 12, channels=4, seed=81)), quality=70)
    lossless = encoded(Image.fromarray(picture(20, 12, channels=4, seed=82)), lossless=True, exact=True)
    animation = chunk(b"ANIM", bytes([1, 2, 3, 255, 0, 0]))
    files = {}
    for name, data in {"lossy": lossy, "alpha": alpha, "lossless": lossless}.items():
        for flags in [0, ALPHA]:
            stem = f"{name}-flags-{flags}"
            files[f"still-{stem}.webp"] = riff(extended(flags, 20, 12), picture_chunks(data))
            for blend in [0, 1, 2, 3]:
                first = frame(data, 6, 4, 20, 12, blend)
                second = frame(lossy, 0, 0, 20, 12)
                files[f"offset-{stem}-{blend}.webp"] = riff(extended(flags | ANIMATION, 40, 30), animation, first, second)
    still = picture_chunks(lossy)
    files |= {
        "outside.webp": riff(extended(ANIMATION, 24, 14), animation, frame(lossy, 6, 4, 20, 12)),
        "larger-canvas.webp": riff(extended(0, 40, 30), still),
        "wrong-frame.webp": riff(extended(ANIMATION, 40, 30), animation, frame(lossy, 0, 0, 22, 12)),
        "no-frame.webp": riff(extended(ANIMATION, 40, 30), animation),
        "no-picture.webp": riff(extended(0, 20, 12)),
        "unknown-chunk.webp": riff(extended(0, 20, 12), chunk(b"abcd", b"odd"), still, chunk(b"efgh", b"")),
        "profile.webp": riff(extended(ICC, 20, 12), chunk(b"ICCP", b"not a profile"), still),
        "bytes-behind.webp": lossy + b"more bytes",
        "long-size.webp": riff(still, size=len(still) + 1000),
        "short-size.webp": riff(still, size=len(still) - 30),
        "plain.webp": riff(still),
        "empty-simple.webp": riff(),
    }
    return files


def oriented(picture) -> dict[str, bytes]:
    from PIL import Image

    still = picture_chunks(encoded(Image.fromarray(picture(23, 13, seed=83)), quality=80))
    files = {}

    def add(name: str, flags: int, *metadata: bytes) -> None:
        files[f"turned-{name}.webp"] = riff(extended(flags, 23, 13), still, *metadata)

    def exif(number: int, order: str = "little") -> bytes:
        return golden_images.tiff([(0x010F, 2, 4, b"abc\0"), (0x0112, 3, 1, number.to_bytes(2, order).ljust(4, b"\0"))], order)

    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
    for number in range(10):
        add(f"exif-{number}", EXIF, chunk(b"EXIF", exif(number, "big" if number % 2 else "little")))
        add(f"xmp-{number}", XMP, chunk(b"XMP ", xmp % number))
    add("prefix", EXIF, chunk(b"EXIF", b"Exif\0\0" + exif(6)))
    add("exif-no-flag", 0, chunk(b"EXIF", exif(6)))
    add("xmp-no-flag", EXIF, chunk(b"EXIF", exif(1)), chunk(b"XMP ", xmp % 6))
    add("both", EXIF | XMP, chunk(b"XMP ", xmp % 3), chunk(b"EXIF", exif(8)))
    add("no-tag-but-xmp", EXIF | XMP, chunk(b"EXIF", golden_images.tiff([(0x010F, 2, 4, b"abc\0")])), chunk(b"XMP ", xmp % 3))
    add("twice", EXIF, chunk(b"EXIF", exif(5)), chunk(b"EXIF", exif(6)))
    add("odd", EXIF, chunk(b"odd ", b"odd"), chunk(b"EXIF", exif(6)))
    files["turned-early.webp"] = riff(extended(EXIF, 23, 13), chunk(b"EXIF", exif(6)), still)
    files["turned-simple.webp"] = riff(still, chunk(b"EXIF", exif(6)))
    return files


def damaged_names(files: dict[str, bytes]) -> list[tuple[int, str]]:
    names = [f"{name}-{size}.webp" for name in ["lossy", "lossless", "alpha", "animated", "palette"] for size in ["15x17", "97x61"]]
    return [(seed, names[seed % len(names)]) for seed in range(1500)]


def damage(name: str, data: bytes, seed: int) -> dict:
    """A cut, or up to four changed bytes, half of the time among the headers."""
    from PIL import Image

    rng = random.Random(seed)
    changes, end = [], len(data)
    if seed % 5 == 0:
        end = rng.randrange(12, len(data))
    else:
        limit = 60 if rng.random() < 0.5 else len(data)
        # The first bytes say that it is WebP.
        changes = [[rng.randrange(16, min(limit, len(data))), rng.randrange(256)] for _ in range(rng.randint(1, 4))]
    damaged = bytearray(data)
    for at, byte in changes:
        damaged[at] = byte
    try:
        image = Image.open(io.BytesIO(bytes(damaged[:end])))
        if image.width * image.height > 1_000_000:
            raise ValueError("too large for the test")
        checksum = zlib.crc32(image.convert("RGBA").tobytes())
    except Exception:
        checksum = None
    return {"name": name, "changes": changes, "end": end, "checksum": checksum}


def heif_bombs() -> dict[str, bytes]:
    """Files whose outer header promises a small picture, while the coded one has 3 million pixels."""
    import pillow_heif
    from PIL import Image

    image = Image.new("RGB", (2000, 1500), (10, 20, 30))
    avif, heic = io.BytesIO(), io.BytesIO()
    image.save(avif, "AVIF", quality=30)
    pillow_heif.from_pillow(image).save(heic, quality=30)
    files = {}
    for name, file in {"claims-16x16.avif": avif, "claims-16x16.heic": heic}.items():
        data = bytearray(file.getvalue())
        at = data.index(b"ispe") + 8
        data[at : at + 8] = (16).to_bytes(4, "big") * 2
        files[name] = bytes(data)
    return files


def heif_files(picture) -> list[tuple[str, bytes]]:
    import pillow_heif
    from PIL import Image

    files = []
    for index, (width, height) in enumerate([(16, 16), (33, 31), (64, 48), (131, 97)]):
        rgb = Image.fromarray(picture(width, height, seed=90 + index, noise=2))
        rgba = Image.fromarray(picture(width, height, channels=4, seed=90 + index, noise=2))

        def avif(name: str, image, **options) -> None:
            file = io.BytesIO()
            image.save(file, "AVIF", **options)
            files.append((f"{name}-{width}x{height}.avif", file.getvalue()))

        def heic(name: str, image, **options) -> None:
            file = io.BytesIO()
            pillow_heif.from_pillow(image).save(file, **options)
            files.append((f"{name}-{width}x{height}.heic", file.getvalue()))

        avif("444", rgb, quality=90, subsampling="4:4:4")
        avif("420", rgb, quality=60, subsampling="4:2:0")
        avif("gray", rgb.convert("L"), quality=80, subsampling="4:0:0")
        avif("alpha", rgba, quality=90, subsampling="4:4:4")
        avif("exact", rgb, quality=100, subsampling="4:4:4")
        heic("444", rgb, quality=90, chroma=444)
        heic("420", rgb, quality=60, chroma=420)
        heic("gray", rgb.convert("L"), quality=80)
        heic("alpha", rgba, quality=90, chroma=444)
        if index == 1:
            for number in range(1, 9):
                turned = Image.Exif()
                turned[0x0112] = number
                avif(f"turned-{number}", rgb, quality=90, subsampling="4:4:4", exif=turned)
                heic(f"turned-{number}", rgb, quality=90, chroma=444, exif=turned.tobytes())
    return files


def write_heif(out: Path, name: str, data: bytes) -> dict:
    import pillow_heif
    from PIL import Image, ImageOps

    (out / name).write_bytes(data)
    if name.endswith(".heic"):
        image = pillow_heif.open_heif(io.BytesIO(data)).to_pillow()
    else:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image = image.convert("RGBA")
    (out / f"{name}.bin").write_bytes(image.tobytes())
    return {"name": name, "width": image.width, "height": image.height}
