"""Pictures of many kinds and sizes, with the pixels that Pillow decodes from them, for make-golden.py.

Each file NAME comes with NAME.bin: its pixels in the modes L, RGB and RGBA, one after another, and for those with an
orientation the RGB pixels after ImageOps.exif_transpose.
"""

from __future__ import annotations

import io
import json
import warnings
import zlib
from pathlib import Path

SIZES = [(1, 1), (7, 1), (1, 9), (2, 2), (8, 8), (15, 17), (16, 16), (33, 31), (64, 3), (5, 65)]


def make(out: Path, picture, png, png_chunk) -> None:
    warnings.filterwarnings("ignore", message="Palette images with Transparency")
    warnings.filterwarnings("ignore", message="Metadata Warning|Truncated File Read")
    files = {}
    for index, (width, height) in enumerate(SIZES):
        for name, data in {**jpegs(picture, width, height, index), **pngs(png, png_chunk, width, height, index)}.items():
            stem, extension = name.split(".")
            files[f"{stem}-{width}x{height}.{extension}"] = data
    manifest = [write(out, name, data) for name, data in sorted(files.items())]
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    turned = [write(out, name, data, upright=True) for name, data in sorted(oriented(picture, png, png_chunk).items())]
    (out / "oriented.json").write_text(json.dumps(turned, indent=1) + "\n")
    (out / "text-bomb.png").write_bytes(png(picture(8, 8), 8, 2, extra=text_bomb(png_chunk)))
    refused = refused_files(picture)
    for name, data in refused.items():
        (out / name).write_bytes(data)
    (out / "refused.json").write_text(json.dumps(sorted(refused), indent=1) + "\n")


def write(out: Path, name: str, data: bytes, upright: bool = False) -> dict:
    from PIL import Image, ImageOps

    def opened():
        return Image.open(io.BytesIO(data))

    (out / name).write_bytes(data)
    width, height = opened().size
    entry = {"name": name, "width": width, "height": height}
    if upright:
        result = ImageOps.exif_transpose(opened()).convert("RGB")
        entry["width"], entry["height"] = result.size
        pixels = opened().convert("RGB").tobytes() + result.tobytes()
    else:
        pixels = b"".join(opened().convert(mode).tobytes() for mode in ["L", "RGB", "RGBA"])
    (out / f"{name}.bin").write_bytes(pixels)
    return entry


def jpegs(picture, width: int, height: int, seed: int) -> dict[str, bytes]:
    """Every subsampling, coding and colour space that Pillow writes, and other programs' variants of Adobe's marker."""
    from PIL import Image

    def save(image, **options) -> bytes:
        file = io.BytesIO()
        image.save(file, "JPEG", **options)
        return file.getvalue()

    rgb = Image.fromarray(picture(width, height, seed=seed))
    cmyk = Image.frombytes("CMYK", (width, height), picture(width, height, channels=4, seed=seed + 50).tobytes())
    ink = save(cmyk, quality=90)
    adobe = ink.index(b"\xff\xee")
    marker = slice(adobe, adobe + 2 + int.from_bytes(ink[adobe + 2 : adobe + 4], "big"))
    ycck = bytearray(ink)
    ycck[marker.stop - 1] = 2  # the four channels are YCbCr and black
    return {
        "444.jpg": save(rgb, subsampling=0, quality=92),
        "422.jpg": save(rgb, subsampling=1, quality=60),
        "420.jpg": save(rgb, subsampling=2, quality=75),
        "progressive.jpg": save(rgb, progressive=True, quality=85),
        "progressive-444.jpg": save(rgb, progressive=True, subsampling=0, quality=30),
        "restart.jpg": save(rgb, restart_marker_blocks=1),
        "optimized.jpg": save(rgb, optimize=True, quality=5),
        "rgb-colours.jpg": save(rgb, keep_rgb=True),
        "gray.jpg": save(rgb.convert("L")),
        "gray-progressive.jpg": save(rgb.convert("L"), progressive=True),
        "cmyk.jpg": ink,
        "cmyk-progressive.jpg": save(cmyk, progressive=True),
        "cmyk-plain.jpg": ink[: marker.start] + ink[marker.stop :],
        "ycck.jpg": bytes(ycck),
    }


def pngs(png, png_chunk, width: int, height: int, seed: int) -> dict[str, bytes]:
    """Every colour type and depth of the specification, plain and interlaced, with and without transparency."""
    import numpy as np

    rng = np.random.default_rng(100 + seed)
    files = {}
    for interlaced in [False, True]:
        end = "-interlaced.png" if interlaced else ".png"

        def add(name: str, depth: int, color: int, channels: int, extra: bytes = b"", top: int | None = None) -> None:
            samples = rng.integers(0, top or 2**depth, (height, width, channels))
            files[name + end] = png(samples, depth, color, interlaced, extra)

        for depth in [1, 2, 4, 8, 16]:
            add(f"gray-{depth}", depth, 0, 1)
        for depth in [1, 2, 4, 8]:
            key = png_chunk(b"tRNS", bytes([0, 1]))
            add(f"gray-{depth}-key", depth, 0, 1, key)
            colors = png_chunk(b"PLTE", rng.integers(0, 256, 3 * 2**depth).astype(np.uint8).tobytes())
            alpha = png_chunk(b"tRNS", rng.integers(0, 256, 2 ** (depth - 1)).astype(np.uint8).tobytes())
            add(f"palette-{depth}", depth, 3, 1, colors)
            add(f"palette-{depth}-alpha", depth, 3, 1, colors + alpha)
        for depth in [8, 16]:
            add(f"rgb-{depth}", depth, 2, 3)
            add(f"gray-alpha-{depth}", depth, 4, 2)
            add(f"rgba-{depth}", depth, 6, 4)
        add("rgb-8-key", 8, 2, 3, png_chunk(b"tRNS", bytes([0, 1, 0, 0, 0, 1])), top=2)
    return files


def tiff(entries: list[tuple[int, int, int, bytes]], order: str = "little") -> bytes:
    """The TIFF file inside EXIF: one directory of (tag, type, count, four bytes of value)."""
    head = b"II*\0" if order == "little" else b"MM\0*"
    body = (8).to_bytes(4, order) + len(entries).to_bytes(2, order)
    for tag, kind, count, value in entries:
        body += tag.to_bytes(2, order) + kind.to_bytes(2, order) + count.to_bytes(4, order) + value
    return head + body + bytes(4)


def oriented(picture, png, png_chunk) -> dict[str, bytes]:
    """Files with an orientation, in every form that Pillow understands, and some without one."""
    from PIL import Image

    image = Image.fromarray(picture(23, 13, seed=60))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    plain = file.getvalue()

    def jpeg(*segments: bytes) -> bytes:
        return plain[:2] + b"".join(b"\xff\xe1" + (len(s) + 2).to_bytes(2, "big") + s for s in segments) + plain[2:]

    def orientation(number: int, order: str = "little", kind: int = 3) -> bytes:
        value = number.to_bytes(2 if kind == 3 else 4, order).ljust(4, b"\0")
        return tiff([(0x010F, 2, 4, b"abc\0"), (0x0112, kind, 1, value)], order)

    exif = b"Exif\0\0"
    xmp = b"http://ns.adobe.com/xap/1.0/\0"
    files = {}
    for number in range(0, 10):
        files[f"little-{number}.jpg"] = jpeg(exif + orientation(number))
        files[f"big-{number}.jpg"] = jpeg(exif + orientation(number, "big"))
        xml = f'<x:xmpmeta><rdf:Description tiff:Orientation="{number}"/></x:xmpmeta>'.encode()
        files[f"xmp-{number}.jpg"] = jpeg(xmp + xml)
        samples = picture(19, 11, channels=4, seed=number)
        files[f"exif-{number}.png"] = png(samples, 8, 6, extra=png_chunk(b"eXIf", orientation(number, "big")))
        text = b"XML:com.adobe.xmp\0\0\0\0\0<tiff:Orientation>%d</tiff:Orientation>" % number
        files[f"xmp-{number}.png"] = png(samples[..., :3], 8, 2, extra=png_chunk(b"iTXt", text))
        gray = png(samples[..., 0], 8, 0)
        end = gray.index(b"IEND") - 4
        files[f"late-{number}.png"] = gray[:end] + png_chunk(b"eXIf", orientation(number)) + gray[end:]
    long = orientation(6)
    files["split.jpg"] = jpeg(exif + long[:20], exif + long[20:])
    files["exif-before-xmp.jpg"] = jpeg(xmp + b'tiff:Orientation="3"', exif + orientation(8))
    files["no-tag-but-xmp.jpg"] = jpeg(exif + tiff([(0x010F, 2, 4, b"abc\0")]), xmp + b'tiff:Orientation="3"')
    files["long.jpg"] = jpeg(exif + orientation(6, kind=4))
    files["two-numbers.jpg"] = jpeg(exif + tiff([(0x0112, 3, 2, b"\6\0\6\0")]))
    elsewhere = tiff([(0x0112, 3, 3, (26).to_bytes(4, "little"))]) + b"\7\0\1\0\1\0"
    files["three-numbers.jpg"] = jpeg(exif + elsewhere)
    files["out-of-bounds.jpg"] = jpeg(exif + tiff([(0x0112, 3, 3, b"\xff\0\0\0"), (0x0112, 3, 1, b"\6\0\0\0")]))
    files["twice.jpg"] = jpeg(exif + tiff([(0x0112, 3, 1, b"\5\0\0\0"), (0x0112, 3, 1, b"\6\0\0\0")]))
    files["unknown-type.jpg"] = jpeg(exif + tiff([(0x0112, 77, 1, b"\5\0\0\0"), (0x0112, 3, 1, b"\6\0\0\0")]))
    files["text.jpg"] = jpeg(exif + tiff([(0x0112, 2, 2, b"6\0\0\0")]), xmp + b'tiff:Orientation="3"')
    files["nothing.jpg"] = plain
    files["cmyk-6.jpg"] = cmyk_oriented(picture, exif + orientation(6))
    return files


def cmyk_oriented(picture, exif: bytes) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    image = Image.frombytes("CMYK", (9, 21), picture(9, 21, channels=4, seed=61).tobytes())
    image.save(file, "JPEG", exif=exif)
    return file.getvalue()


def text_bomb(png_chunk) -> bytes:
    """Texts and a colour profile of 4 MB each, compressed to 4 KB each."""
    content = zlib.compress(bytes(4_000_000), 9)
    texts = b"".join(png_chunk(b"zTXt", b"text %d\0\0" % number + content) for number in range(5))
    return png_chunk(b"iCCP", b"profile\0\0" + content) + texts


def refused_files(picture) -> dict[str, bytes]:
    """Files of unsupported formats from real encoders; the first part of each name is the format."""
    from PIL import Image

    image = Image.fromarray(picture(24, 16, seed=70))
    files = {}
    for kind in ["GIF", "BMP", "TIFF", "JPEG2000", "ICO", "PPM", "PDF", "DDS", "QOI"]:
        file = io.BytesIO()
        image.save(file, kind)
        files[f"{kind}.file"] = file.getvalue()
    file = io.BytesIO()
    image.save(file, "TIFF", big_tiff=True)
    files["TIFF-big.file"] = file.getvalue()
    file = io.BytesIO()
    image.save(file, "JPEG2000", no_jp2=True)
    files["JPEG2000-stream.file"] = file.getvalue()
    files["gzip.file"] = b"\x1f\x8b" + zlib.compress(b"picture")
    return files
