"""Damaged and unusual pictures, and what Pillow makes of them, for make-golden.py.

The folder "differences" has a case for every way in which a file can be unusual: docs/IMAGES.md lists the cases in
which Swerve and Pillow differ, and a test compares that list with what happens. The folder "damages" has files damaged
at random; dev/compare-damage.py makes any number of them.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import damages

MODES = ["L", "RGB", "RGBA"]


def make(differences: Path, damaged: Path, picture, png, png_chunk) -> None:
    manifest = []
    for name, data in {**png_cases(picture, png, png_chunk), **jpeg_cases(picture)}.items():
        (differences / name).write_bytes(data)
        entry = {"name": name, "modes": {mode: damages.outcome(data, mode) for mode in MODES}}
        if "upright" in name:
            entry["modes"] = {"RGB": damages.outcome(data, "RGB", upright=True)}
        manifest.append(entry)
    (differences / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")

    files = {**damages.jpegs(picture, large=(360, 240)), **damages.pngs(picture, png, png_chunk)}
    cases = []
    with open(damaged / "files", "wb") as file:
        for name, data in damages.damages(files, 500, seed=1):
            file.write(data)
            cases.append({"name": name, "length": len(data), "pillow": damages.outcome(data)})
    (damaged / "manifest.json").write_text(json.dumps(cases, indent=1) + "\n")


def png_cases(picture, png, png_chunk) -> dict[str, bytes]:
    import numpy as np

    pixels = picture(24, 16, seed=80)
    levels = np.random.default_rng(81).integers(0, 16, (16, 24))
    plain = png(pixels, 8, 2)
    header, data, end = [plain[a:b] for a, b in damages.segments(plain)[1:]]
    colors = png_chunk(b"PLTE", bytes(range(100, 148)))
    palette_file = png(levels, 4, 3, extra=colors)
    palette_header, _, palette_data, _ = [palette_file[a:b] for a, b in damages.segments(palette_file)[1:]]

    def file(*chunks: bytes) -> bytes:
        return plain[:8] + b"".join(chunks)

    def wrong(chunk: bytes) -> bytes:
        return chunk[:-1] + bytes([chunk[-1] ^ 1])

    def with_header(position: int, value: int) -> bytes:
        content = bytearray(header[8:-4])
        content[position] = value
        return png_chunk(b"IHDR", bytes(content))

    def with_chunk(name: bytes, content: bytes, base: tuple[bytes, bytes] = (header, data)) -> bytes:
        return file(base[0], png_chunk(name, content), base[1], end)

    raw = zlib.decompress(data[8:-4])
    row = len(raw) // 16
    cut_rows = png_chunk(b"IDAT", zlib.compress(raw[: 10 * row]))
    half_row = png_chunk(b"IDAT", zlib.compress(raw[: 10 * row + 9]))
    wide = np.random.default_rng(82).integers(0, 3, (16, 24, 3)) * 300
    bomb = zlib.compress(bytes(4_000_000), 9)
    orientation = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    profile = b"\nexif\n%8d\n%s\n" % (len(orientation), orientation.hex().encode())
    animation = png_chunk(b"acTL", struct.pack(">II", 2, 0))
    frame = struct.pack(">IIIIIHHBB", 0, 24, 16, 0, 0, 1, 10, 0, 0)

    def animated(frame: bytes) -> bytes:
        return file(header, animation, png_chunk(b"fcTL", frame), data, end)

    def with_palette(*chunks: bytes) -> bytes:
        return file(palette_header, *chunks, palette_data, end)

    def keyed(samples, depth: int, color: int, key: bytes) -> bytes:
        return png(samples, depth, color, extra=png_chunk(b"tRNS", key))

    text = png_chunk(b"tEXt", b"a\0b")
    return {
        "plain.png": plain,
        "wrong-checksum-of-header.png": file(wrong(header), data, end),
        "wrong-checksum-of-palette.png": file(palette_header, wrong(colors), palette_data, end),
        "wrong-checksum-of-text.png": file(header, wrong(text), data, end),
        "wrong-checksum-of-data.png": file(header, wrong(data), end),
        "wrong-checksum-of-end.png": file(header, data, wrong(end)),
        "wrong-checksum-in-data.png": file(header, png_chunk(b"IDAT", wrong(data[8:-4])), end),
        "no-checksum-in-data.png": file(header, png_chunk(b"IDAT", data[8:-8]), end),
        "no-end.png": file(header, data),
        "no-end-zeros.png": file(header, data, bytes(5000)),
        "bytes-behind-data.png": file(header, data, b"not a chunk at all"),
        "cut-in-checksum.png": file(header, data[:-6]),
        "cut-in-data.png": file(header, data[:-60]),
        "cut-in-text-behind-data.png": file(header, data, png_chunk(b"tEXt", b"a\0" + bytes(100))[:60]),
        "missing-rows.png": file(header, cut_rows, end),
        "missing-half-row.png": file(header, half_row, end),
        "more-rows.png": file(header, png_chunk(b"IDAT", zlib.compress(raw + raw)), end),
        "no-data.png": file(header, end),
        "no-header.png": file(data, end),
        "two-headers.png": file(header, header, data, end),
        "header-behind-data.png": file(header, data, header, end),
        "data-apart.png": file(header, png_chunk(b"IDAT", data[8:60]), text, png_chunk(b"IDAT", data[60:-4]), end),
        "unknown-critical-chunk.png": with_chunk(b"ABCD", b"1234"),
        "unknown-critical-chunk-behind-data.png": file(header, data, png_chunk(b"ABCD", b"1234"), end),
        "unknown-chunk.png": with_chunk(b"abCd", b"1234"),
        "chunk-name-with-digit.png": with_chunk(b"a1Cd", b"1234"),
        "chunk-name-with-dash.png": with_chunk(b"a-Cd", b"1234"),
        "no-palette.png": file(palette_header, palette_data, end),
        "two-palettes.png": with_palette(png_chunk(b"PLTE", bytes(48)), colors),
        "palette-before-header.png": file(colors, palette_header, palette_data, end),
        "palette-behind-data.png": file(palette_header, palette_data, colors, end),
        "palette-too-short.png": with_palette(png_chunk(b"PLTE", bytes(range(100, 115)))),
        "palette-too-long.png": with_palette(png_chunk(b"PLTE", bytes(range(100, 160)))),
        "palette-of-no-whole-colours.png": with_palette(png_chunk(b"PLTE", bytes(range(100, 147)))),
        "empty-palette.png": with_palette(png_chunk(b"PLTE", b"")),
        "palette-in-gray.png": png(levels, 4, 0, extra=colors),
        "transparency-before-header.png": file(png_chunk(b"tRNS", b"\0\0\0\0\0\0"), header, data, end),
        "transparency-before-palette.png": with_palette(png_chunk(b"tRNS", bytes([0, 99])), colors),
        "transparency-longer-than-palette.png": with_palette(colors, png_chunk(b"tRNS", bytes(range(20)))),
        "transparency-too-short.png": with_chunk(b"tRNS", b"\0\1"),
        "transparency-too-long.png": with_chunk(b"tRNS", b"\0\1\0\1\0\1\0\1"),
        "transparency-twice.png": with_palette(colors, png_chunk(b"tRNS", b"\1\2"), png_chunk(b"tRNS", b"\3")),
        "transparency-beside-alpha.png": keyed(picture(24, 16, channels=4), 8, 6, b"\0\1\0\1\0\1"),
        "transparent-level-of-1-bit.png": keyed(levels % 2, 1, 0, b"\0\1"),
        "transparent-level-of-2-bits.png": keyed(levels % 4, 2, 0, b"\0\1"),
        "transparent-level-of-4-bits.png": keyed(levels, 4, 0, b"\0\1"),
        "transparent-level-of-8-bits.png": keyed(levels, 8, 0, b"\0\1"),
        "transparent-level-of-16-bits.png": keyed(wide[..., 0], 16, 0, b"\1\x2c"),
        "transparent-low-level-of-16-bits.png": keyed(wide[..., 0] // 100, 16, 0, b"\0\3"),
        "transparent-colour-of-8-bits.png": keyed(pixels // 128, 8, 2, b"\0\1\0\0\0\1"),
        "transparent-colour-of-16-bits.png": keyed(wide, 16, 2, b"\1\x2c\0\0\2\x58"),
        "transparent-low-colour-of-16-bits.png": keyed(wide // 100, 16, 2, b"\0\3\0\0\0\6"),
        "transparent-level-too-high.png": keyed(levels % 4, 2, 0, b"\1\1"),
        "unknown-compression.png": file(with_header(10, 1), data, end),
        "unknown-filter-method.png": file(with_header(11, 1), data, end),
        "unknown-interlacing.png": file(with_header(12, 2), data, end),
        "unknown-colour-type.png": file(with_header(9, 5), data, end),
        "unknown-depth.png": file(with_header(8, 3), data, end),
        "filter-5.png": file(header, png_chunk(b"IDAT", zlib.compress(b"\5" + raw[1:])), end),
        "no-width.png": file(png_chunk(b"IHDR", bytes(4) + header[12:-4]), data, end),
        "short-header.png": file(png_chunk(b"IHDR", header[8:-5]), data, end),
        "long-header.png": file(png_chunk(b"IHDR", header[8:-4] + b"\0"), data, end),
        "too-wide.png": png(np.zeros((1, 17_000), "u1"), 8, 0),
        "compressed-text-of-4-MB.png": with_chunk(b"zTXt", b"a\0\0" + bomb),
        "text-of-unknown-compression.png": with_chunk(b"zTXt", b"a\0\1" + zlib.compress(b"b")),
        "colour-profile-of-4-MB.png": with_chunk(b"iCCP", b"a\0\0" + bomb),
        "colour-profile-of-unknown-compression.png": with_chunk(b"iCCP", b"a\0\1" + zlib.compress(b"b")),
        "colour-profile-without-content.png": with_chunk(b"iCCP", b"a"),
        "short-gamma.png": with_chunk(b"gAMA", b"\0"),
        "short-chromaticity.png": with_chunk(b"cHRM", b"\0"),
        "short-resolution.png": with_chunk(b"pHYs", b"\0"),
        "short-rendering-intent.png": with_chunk(b"sRGB", b""),
        "animated.png": animated(frame),
        "animated-hidden-first.png": file(header, animation, data, end),
        "animated-short-control.png": with_chunk(b"acTL", b"\0\0\0"),
        "animated-short-frame.png": with_chunk(b"fcTL", b"\0\0\0"),
        "animated-wrong-sequence.png": animated(b"\0\0\0\7" + frame[4:]),
        "animated-frame-outside.png": animated(frame[:4] + b"\0\0\1\0" + frame[8:]),
        "animated-smaller-first-frame.png": animated(frame[:8] + b"\0\0\0\x08" + frame[12:]),
        "damaged-exif-upright.png": with_chunk(b"eXIf", b"XX*\0\x08\0\0\0"),
        "exif-in-raw-profile-upright.png": with_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)),
    }


def jpeg_cases(picture) -> dict[str, bytes]:
    from PIL import Image

    def save(image, **options) -> bytes:
        file = io.BytesIO()
        image.save(file, "JPEG", **options)
        return file.getvalue()

    rgb = Image.fromarray(picture(97, 71, seed=83))
    plain = save(rgb)
    progressive = save(rgb, progressive=True)
    cmyk = save(Image.frombytes("CMYK", (97, 71), picture(97, 71, channels=4, seed=84).tobytes()))
    parts = damages.segments(plain)
    start = {plain[a + 1]: a for a, _ in reversed(parts)}

    def inserted(marker: int, content: bytes, at: int = 2) -> bytes:
        return plain[:at] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + plain[at:]

    def changed(data: bytes, position: int, *values: int) -> bytes:
        return data[:position] + bytes(values) + data[position + len(values) :]

    adobe = cmyk.index(b"Adobe")
    last_scan = damages.segments(progressive)[-2]
    scan = progressive[last_scan[0] : last_scan[1]]
    exif = b"Exif\0\0"
    return {
        "plain.jpg": plain,
        "bytes-between-segments.jpg": plain[: start[0xDB]] + b"\1" + plain[start[0xDB] :],
        "ten-bytes-between-segments.jpg": plain[: start[0xC4]] + bytes(range(10)) + plain[start[0xC4] :],
        "unknown-jfif-revision.jpg": changed(plain, 11, 2, 1),
        "cmyk-of-adobe-transform-1.jpg": changed(cmyk, adobe + 11, 1),
        "cmyk-of-adobe-transform-7.jpg": changed(cmyk, adobe + 11, 7),
        "no-end.jpg": plain[:-2],
        "half-an-end.jpg": plain[:-1],
        "no-end-zeros.jpg": plain[:-2] + bytes(1000),
        "no-end-other-bytes.jpg": plain[:-2] + b"hello, world",
        "no-end-progressive.jpg": progressive[:-2],
        "no-end-zeros-progressive.jpg": progressive[:-2] + bytes(1000),
        "cut.jpg": plain[: len(plain) // 2],
        "cut-and-zeros.jpg": plain[: len(plain) // 2] + bytes(10),
        "cut-and-ended.jpg": plain[: len(plain) // 2] + b"\xff\xd9",
        "two-pictures.jpg": plain + progressive,
        "second-start-behind-data.jpg": plain[:-2] + plain,
        "tables-first.jpg": b"\xff\xd8" + plain[start[0xDB] : start[0xC0]] + b"\xff\xd9" + plain,
        "no-quantization.jpg": plain[: start[0xDB]] + plain[start[0xC0] :],
        "no-huffman-tables.jpg": plain[: start[0xC4]] + plain[start[0xDA] :],
        "two-frames.jpg": plain[: start[0xC0]] + plain[start[0xC0] : start[0xC4]] * 2 + plain[start[0xC4] :],
        "no-frame.jpg": plain[: start[0xC0]] + plain[start[0xC4] :],
        "no-scan.jpg": plain[: start[0xDA]] + b"\xff\xd9",
        "no-height.jpg": changed(plain, start[0xC0] + 5, 0, 0),
        "two-channels.jpg": changed(plain, start[0xC0] + 9, 2),
        "twelve-bits.jpg": changed(plain, start[0xC0] + 4, 12),
        "lossless.jpg": lossless(),
        "hierarchical.jpg": changed(plain, start[0xC0] + 1, 0xC5),
        "unknown-marker.jpg": inserted(0x05, b"abc"),
        "reserved-marker.jpg": inserted(0xF3, b"abc"),
        "temporary-marker.jpg": plain[:2] + b"\xff\x01" + plain[2:],
        "number-of-lines.jpg": inserted(0xDC, b"\0\x47"),
        "more-than-50-scans.jpg": progressive[: last_scan[1]] + scan * 50 + progressive[last_scan[1] :],
        "short-adobe-segment.jpg": inserted(0xEE, b"Adobe"),
        "short-jfif-segment.jpg": inserted(0xE0, b"JFIF\0"),
        "short-colour-profile.jpg": inserted(0xE2, b"ICC_PROFILE\0\1"),
        "short-quantization-table.jpg": inserted(0xDB, b"\0" + bytes(10)),
        "spare-quantization-bytes.jpg": inserted(0xDB, b"\1" + bytes([9] * 64) + b"\2"),
        "damaged-multi-picture.jpg": inserted(0xE2, b"MPF\0II*\0\x08\0\0\0\xff\xff"),
        "damaged-exif.jpg": inserted(0xE1, exif + b"XX*\0\x08\0\0\0"),
        "damaged-exif-upright.jpg": inserted(0xE1, exif + b"XX*\0\x08\0\0\0"),
        "cut-exif-upright.jpg": inserted(0xE1, exif + b"II*\0\x08\0\0\0\5\0\x12\1"),
    }


def lossless() -> bytes:
    """A lossless file of one level: each pixel differs from its neighbour by 0, whose code is the bit 0."""
    frame = struct.pack(">BHHBBBB", 8, 16, 24, 1, 1, 0x11, 0)
    table = b"\0" + bytes([1] + [0] * 15) + b"\0"
    scan = bytes([1, 1, 0, 1, 0, 0])

    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content

    data = bytes(16 * 24 // 8)
    return b"\xff\xd8" + segment(0xC3, frame) + segment(0xC4, table) + segment(0xDA, scan) + data + b"\xff\xd9"
