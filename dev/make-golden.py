#!/usr/bin/env python3
"""Makes the files that the tests of tensors, images and SegFormer compare with.

Everything is computed by NumPy, Pillow, transformers and torch from synthetic pictures, the same on each run. Nothing is
done when the folder is up to date, which is told from the content of this script and of the models.

Needs: dev/python-env.sh golden, and all variants of dev/make-b0.py.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import json
import logging
import shutil
import struct
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

import damages
import golden_damages
import golden_images
import golden_webp

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / ".cache" / "models"
SCRIPTS = [
    "make-golden.py", "golden_images.py", "golden_damages.py", "damages.py", "golden_webp.py", "make-b0.py",
    "onnx_export.py",
]  # fmt: skip
VARIANTS = {"tiny": "model.onnx", "b0": "model.onnx", "b1": "onnx/model.onnx"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", default=ROOT / ".cache" / "golden")
    options = parser.parse_args()
    for variant in VARIANTS:
        if not model_file(variant).is_file():
            print(f"make-golden: {model_file(variant)} is missing: run dev/make-b0.py --variant {variant}", file=sys.stderr)
            return 1
    stamp = fingerprint()
    stamp_file = options.out / "stamp"
    if stamp_file.is_file() and stamp_file.read_text() == stamp:
        return 0

    options.out.parent.mkdir(parents=True, exist_ok=True)
    # The folder appears complete or not at all, even if the script is interrupted.
    partial = Path(tempfile.mkdtemp(prefix="golden.", dir=options.out.parent))
    try:
        make_arrays(folder(partial, "npy"))
        make_thresholds(folder(partial, "thresholds"))
        make_images(folder(partial, "images"))
        golden_images.make(folder(partial, "kinds"), picture, png, png_chunk)
        golden_damages.make(folder(partial, "differences"), folder(partial, "damages"), picture, png, png_chunk)
        golden_webp.make(folder(partial, "webp"), picture)
        make_operations(folder(partial, "operations"))
        make_preprocessing(folder(partial, "preprocessing"))
        make_segformer(folder(partial, "segformer"))
        make_sizes(folder(partial, "sizes"))
        make_forms(folder(partial, "forms"))
        (partial / "stamp").write_text(stamp)
        partial.chmod(0o755)
        shutil.rmtree(options.out, ignore_errors=True)
        partial.rename(options.out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    count = sum(1 for path in options.out.rglob("*") if path.is_file())
    print(f"{options.out}: {count} files")
    return 0


def model_file(variant: str) -> Path:
    return MODELS / f"segformer-{variant}-random" / VARIANTS[variant]


def fingerprint() -> str:
    digest = hashlib.sha256()
    scripts = [ROOT / "dev" / name for name in SCRIPTS]
    for path in scripts + [ROOT / "dev" / "requirements" / "golden.txt"] + [model_file(variant) for variant in VARIANTS]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def folder(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


# Arrays


def make_arrays(out: Path) -> None:
    """Writes .npy files, and the elements that a reader must find in row-major, little-endian order."""
    import numpy as np

    rng = np.random.default_rng(1)
    cases = []

    def add(name: str, array, version=None, order: str = "C") -> None:
        with open(out / f"{name}.npy", "wb") as file:
            np.lib.format.write_array(file, np.asarray(array, order=order), version=version)
        (out / f"{name}.bin").write_bytes(array.astype(array.dtype.newbyteorder("<")).tobytes("C"))
        native = bool(array.dtype.isnative and order == "C" and version is None)
        cases.append({"name": name, "type": array.dtype.newbyteorder("=").name, "shape": list(array.shape), "same": native})

    for type_name in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]:
        for byte_order in "<>":
            type_ = np.dtype(type_name).newbyteorder(byte_order)
            values = rng.integers(0, 2 if type_name == "b1" else 100, (2, 3, 4)).astype(type_)
            for order in "CF":
                add(f"{type_name}-{'little' if byte_order == '<' else 'big'}-{order}", values, order=order)
    add("scalar", np.array(3.5))
    add("vector", np.arange(7, dtype="<i4"))
    add("empty", np.zeros((0, 5), "<f4"))
    add("empty-fortran", np.zeros((3, 0, 5), "<f4"), order="F")
    add("one-column-fortran", np.arange(6, dtype="<f4").reshape(6, 1), order="F")
    add("rank-8-fortran", np.arange(256, dtype=">i2").reshape([2] * 8), order="F")
    add("large-dimension", np.zeros((100000, 1), "u1"))
    add("version-2", np.arange(4, dtype="<f4"), version=(2, 0))
    add("version-3", np.arange(4, dtype="<f4"), version=(3, 0))
    write_json(out / "manifest.json", cases)

    write_json(out / "types.json", array_types())
    warnings.filterwarnings("ignore", message=".*created on Python 2")
    for name, data in foreign_arrays().items():
        (out / f"foreign-{name}.npy").write_bytes(data)
        np.save(out / f"expected-{name}.npy", np.load(io.BytesIO(data)))
    write_json(out / "foreign.json", sorted(foreign_arrays()))

    refused = {
        "object": np.array([{"a": 1}], dtype=object),
        "record": np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]),
        "text": np.array(["abc"]),
        "bytes": np.array([b"abc"]),
        "complex": np.array([1 + 2j]),
        "date": np.array(["2020-01-01"], dtype="datetime64[D]"),
    }
    for name, array in refused.items():
        with open(out / f"refused-{name}.npy", "wb") as file:
            np.lib.format.write_array(file, array, allow_pickle=True)


def make_thresholds(out: Path) -> None:
    """Writes arrays of each type at the ends of its range and around thresholds, and which elements are above."""
    import numpy as np

    cases = []
    thresholds = [-(2**63), -1, 0, 128, 255, 2049, 70_000, 2**24 + 3, 2**53 + 1, 2**63 - 1]
    for name in ["u1", "u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8"]:
        kind = np.dtype(name)
        limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
        numbers = [limits.min, limits.max, 0, *(value + step for value in thresholds for step in (-1, 0, 1))]
        with np.errstate(over="ignore"):
            values = np.array([number for number in numbers if limits.min <= number <= limits.max], kind)
            if kind.kind == "f":
                values = np.append(values, np.array([np.nan, np.inf, -np.inf, -0.0, 0.5], kind))
            array = np.stack([values, values[::-1]])
            np.save(out / f"{name}.npy", array)
            for index, threshold in enumerate(thresholds):
                np.save(out / f"{name}-{index}.npy", np.where(array > threshold, 255, 0).astype(kind))
                cases.append({"input": name, "threshold": threshold, "output": f"{name}-{index}"})
    write_json(out / "manifest.json", cases)


def array_types() -> list[dict]:
    """Texts that may describe an element type, and the type and byte order that NumPy reads, if it is one of ours."""
    import numpy as np

    ours = ["float16", "float32", "float64", "bool"] + [f"{u}int{bits}" for u in ["", "u"] for bits in [8, 16, 32, 64]]
    codes = [kind + str(size) for kind in "biufcVSUaOmMtg" for size in [1, 2, 3, 4, 8, 16]]
    names = ["float", "int", "uint", "bool", "bool_", "complex", "str", "object", "half", "single", "double", "float_"]
    names += [u + name for u in ["", "u"] for name in ["byte", "short", "intc", "int_", "intp", "long", "longlong", "int"]]
    names += ours + ["float128", "int128", "Float32", "F4", "f4 ", " f4", ""]
    types = []
    for text in [order + code for code in [*codes, *"?bBhHiIlLqQnNpPefdgFDGSUVOMmac", *names] for order in ["", *"<>=|!@"]]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                type_ = np.dtype(text)
        except TypeError:
            type_ = None
        name = type_.newbyteorder("=").name if type_ is not None else ""
        big = type_ is not None and not type_.isnative
        types.append({"text": text, "type": name if name in ours else None, "isBigEndian": big})
    return types


def foreign_arrays() -> dict[str, bytes]:
    """Files as other programs and old versions of Python write them."""
    import numpy as np

    values = np.arange(12, dtype="<i2").reshape(3, 4)

    def file(header: str, data: bytes) -> bytes:
        text = header.encode() + b"\n"
        return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + data

    def header(descr: str, shape: str = "(3, 4)", order: str = "False") -> str:
        return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"

    data = values.tobytes()
    return {
        "no-order": file(header("'i2'"), data),
        "name": file(header("'int16'"), data),
        "letter": file(header("'|B'", "(24,)"), data),
        "native": file(header("'=h'"), data),
        "big": file(header("'>h'"), data),
        "python-2": file(header("u'<i2'"), data),
        "python-2-keys": file("{u'descr': u'<i2', u'shape': (3L, 4L), u'fortran_order': False}", data),
        "double-quotes": file('{"descr": "<i2", "fortran_order": True, "shape": (3,4)}', data),
        "bytes-behind": file(header("'<i2'"), data + b"more bytes"),
        "bytes-behind-nothing": file(header("'<i2'", "(0, 4)"), b"more bytes"),
        "bytes-behind-fortran": file(header("'>i2'", order="True"), data * 2),
        "two-arrays": file(header("'<i2'"), data) + file(header("'<i2'"), data),
    }


# Pictures


def picture(width: int, height: int, channels: int = 3, seed: int = 0, noise: float = 12):
    """A picture with gradients, edges and noise."""
    import numpy as np

    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for channel in range(channels):
        plane = 90 * np.sin(x / (17 + 9 * channel) + channel) + 60 * np.cos(y / (23 - 4 * channel)) + 128
        plane += 70 * (((x // 40) + (y // 30) + channel) % 2) - 35
        planes.append(plane + rng.normal(0, noise, (height, width)))
    pixels = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
    return pixels[..., 0] if channels == 1 else pixels


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(samples, depth: int, color: int, interlaced: bool = False, extra: bytes = b"") -> bytes:
    """A PNG file of a kind that Pillow does not write. Samples: height x width x channels, integers."""
    import numpy as np

    samples = np.asarray(samples)
    if samples.ndim == 2:
        samples = samples[..., None]
    height, width, _ = samples.shape

    def rows(part) -> bytes:
        data = b""
        for row in part:
            if depth == 16:
                packed = row.astype(">u2").tobytes()
            elif depth == 8:
                packed = row.astype(np.uint8).tobytes()
            else:
                bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
                packed = np.packbits(bits.ravel()).tobytes()
            data += b"\0" + packed
        return data

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes] if interlaced else [samples]
    data = b"".join(rows(part) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(data)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def encoded(image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def image_files() -> dict[str, bytes]:
    import numpy as np
    from PIL import Image

    def rgb(*size, **options):
        return Image.fromarray(picture(*size, **options))

    gray = Image.fromarray(picture(61, 47, channels=1))
    rgba = Image.fromarray(picture(61, 47, channels=4))
    photo = rgb(451, 300)
    palette = photo.quantize(37)
    wide = np.random.default_rng(5).integers(0, 65536, (21, 19, 3))
    levels = np.random.default_rng(6).integers(0, 16, (13, 11))
    transparent = png_chunk(b"PLTE", bytes(range(48))) + png_chunk(b"tRNS", bytes([0, 128, 255, 7]))
    return {
        "photo.png": encoded(photo, "PNG"),
        "hd.jpg": encoded(rgb(1920, 1080, noise=4), "JPEG", quality=88),
        "one.png": encoded(rgb(1, 1), "PNG"),
        "one.jpg": encoded(rgb(1, 1), "JPEG"),
        "3x2.png": encoded(rgb(3, 2), "PNG"),
        "17x13.jpg": encoded(rgb(17, 13), "JPEG"),
        "photo-444.jpg": encoded(photo, "JPEG", subsampling=0, quality=95),
        "photo-422.jpg": encoded(photo, "JPEG", subsampling=1, quality=40),
        "progressive.jpg": encoded(photo, "JPEG", progressive=True),
        "restart.jpg": encoded(photo, "JPEG", restart_marker_blocks=5),
        "gray.jpg": encoded(gray, "JPEG"),
        "cmyk.jpg": encoded(photo.convert("CMYK"), "JPEG"),
        "gray.png": encoded(gray, "PNG"),
        "rgba.png": encoded(rgba, "PNG"),
        "gray-alpha.png": encoded(rgba.convert("LA"), "PNG"),
        "palette.png": encoded(palette, "PNG"),
        "palette-alpha.png": png(levels, 4, 3, extra=transparent),
        "palette-interlaced.png": png(levels, 4, 3, interlaced=True, extra=transparent),
        "bits-1.png": png(levels % 2, 1, 0),
        "bits-2.png": png(levels % 4, 2, 0),
        "bits-4.png": png(levels, 4, 0, interlaced=True),
        "rgb-interlaced.png": png(np.asarray(photo), 8, 2, interlaced=True),
        "rgba-interlaced.png": png(np.asarray(rgba), 8, 6, interlaced=True),
        "rgb-key.png": png(np.asarray(photo)[:9, :9] // 128, 8, 2, extra=png_chunk(b"tRNS", b"\0\1\0\0\0\1")),
        "rgb-16.png": png(wide, 16, 2),
        "rgba-16.png": png(np.concatenate([wide, wide[..., :1]], -1), 16, 6, interlaced=True),
        "gray-16.png": png(wide[..., 0] // 200, 16, 0),
    }


def make_images(out: Path) -> None:
    """Writes pictures of every kind and their pixels in each mode, as Pillow decodes them."""
    import numpy as np
    from PIL import Image

    # Pillow warns that it drops or applies the transparency of palettes, which is what the test is about.
    warnings.filterwarnings("ignore", message="Palette images with Transparency")
    files = image_files()
    for name, data in files.items():
        (out / name).write_bytes(data)
        for mode in ["L", "RGB", "RGBA"]:
            if name == "hd.jpg" and mode != "RGB":
                continue
            np.save(out / f"{name}.{mode}.npy", np.asarray(Image.open(io.BytesIO(data)).convert(mode)))
    write_json(out / "manifest.json", sorted(files))
    cut = ["3x2.png", "17x13.jpg", "rgba-interlaced.png"]
    write_json(out / "cuts.json", [{"name": name, "shortest": damages.shortest(files[name])} for name in cut])


def make_operations(out: Path) -> None:
    """Writes inputs and results of Pillow's operations."""
    import numpy as np
    from PIL import Image, ImageEnhance

    cases = []
    inputs = {
        "rgb": Image.fromarray(picture(151, 100, seed=1)),
        "gray": Image.fromarray(picture(97, 64, channels=1, seed=2)),
        "rgba": Image.fromarray(picture(83, 59, channels=4, seed=3)),
        "small": Image.fromarray(picture(2, 5, seed=4)),
        "dot": Image.fromarray(picture(1, 1, seed=5)),
    }
    for name, image in inputs.items():
        np.save(out / f"{name}.npy", np.asarray(image))

    def add(operation: str, name: str, result, **numbers) -> None:
        file = f"{operation}-{len(cases)}"
        if isinstance(result, bytes):
            file += ".jpg"
            (out / file).write_bytes(result)
        else:
            file += ".npy"
            np.save(out / file, np.asarray(result))
        cases.append({"operation": operation, "input": name, "output": file, **numbers})

    filters = {name: Image.Resampling[name.upper()] for name in ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]}
    for name, image in inputs.items():
        for width, height in [(64, 64), (200, 150), (151, 40), (40, 100), (1, 1), (7, 201), (90, 10), (96, 63)]:
            for filter_, number in filters.items():
                add("resize", name, image.resize((width, height), number), width=width, height=height, filter=filter_)
        for factor in [0.0, 0.5, 1.0, 1.7, 2.0, 10.0, -1.0]:
            add("sharpen", name, ImageEnhance.Sharpness(image).enhance(factor), factor=factor)
        add("grayscale", name, image.convert("L"))
        for threshold in [-1, 0, 100, 127, 254, 255]:
            add("threshold", name, image.convert("L").point(lambda p: p > threshold and 255), threshold=threshold)
        if image.mode != "RGBA":
            for quality in [1, 50, 75, 95, 100]:
                add("jpeg", name, encoded(image, "JPEG", quality=quality), quality=quality)

    palette = np.random.default_rng(7).integers(0, 256, (12, 3)).astype(np.uint8)
    labels = np.random.default_rng(8).integers(0, 12, (100, 151)).astype(np.uint8)
    np.save(out / "palette.npy", palette)
    np.save(out / "labels.npy", labels)
    for alpha in [0.0, 0.3, 0.5, 0.9, 1.0]:
        add("overlay", "rgb", Image.blend(inputs["rgb"], Image.fromarray(palette[labels]), alpha), alpha=alpha)
    write_json(out / "manifest.json", cases)


# SegFormer


def processor(**options):
    """The image processor based on Pillow; the other one needs torchvision and its results differ slightly."""
    from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil

    return SegformerImageProcessorPil(**options)


def make_preprocessing(out: Path) -> None:
    """Writes pictures and the pixel values made from them, for every setting and for pictures of many sizes."""
    import numpy as np
    from PIL import Image

    settings = {
        "defaults": {},
        "old-size": {"size": 96},
        "sides": {"size": {"height": 48, "width": 112}},
        "odd-sides": {"size": {"height": 33, "width": 97}},
        "long": {"size": {"height": 3, "width": 300}},
        "dot": {"size": 1},
        "no-resize": {"do_resize": False},
        "no-rescale": {"do_rescale": False, "size": 32},
        "no-normalize": {"do_normalize": False, "size": 32},
        "nothing": {"do_normalize": False, "do_rescale": False, "size": 32},
        "bytes": {"do_normalize": False, "do_rescale": False, "do_resize": False},
        "other-numbers": {"size": 40, "rescale_factor": 0.0078, "image_mean": [0.1, 0.2, 0.3], "image_std": [2, 0.7, 0.5]},
        "labels": {"size": 40, "do_reduce_labels": True},
        **{f"resample-{number}": {"size": {"height": 45, "width": 60}, "resample": number} for number in range(6)},
    }
    sizes = [(1, 1), (1, 64), (64, 1), (2, 3), (3, 500), (500, 3), (33, 31), (95, 97), (255, 257), (640, 427), (1021, 769)]
    pictures = {f"{width}x{height}": picture(width, height, seed=width) for width, height in sizes}
    pictures["gray"] = picture(61, 47, channels=1, seed=2)
    pictures["input"] = picture(151, 100, seed=1)
    for name, pixels in pictures.items():
        np.save(out / f"{name}.picture.npy", pixels)
    cases = [(name, "input", options) for name, options in settings.items()]
    for name in pictures:
        cases += [(f"{name}-{setting}", name, settings[setting]) for setting in ["odd-sides", "resample-3"]]
    for case, name, options in cases:
        image = Image.fromarray(pictures[name]).convert("RGB")
        values = processor(**options)(images=image, return_tensors="np")["pixel_values"]
        np.save(out / f"{case}.npy", np.asarray(values, dtype=np.float32))
        write_json(out / f"{case}.json", options)
    write_json(out / "manifest.json", [{"name": case, "picture": name} for case, name, _ in cases])


def torch_model(variant: str):
    """The network that make-b0.py exported, made again from its seed."""
    spec = importlib.util.spec_from_file_location("make_b0", ROOT / "dev" / "make-b0.py")
    make_b0 = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_b0)
    settings = make_b0.VARIANTS[variant]
    return make_b0.make_model(settings, seed=0), settings["size"]


def make_segformer(out: Path) -> None:
    """Writes pixel values, logits and class maps of the models for some pictures."""
    import numpy as np
    import torch
    from PIL import Image

    pictures = {
        "photo": picture(451, 300),
        "hd": picture(1920, 1080, noise=4),
        "tall": picture(37, 211, seed=9),
        "dot": picture(1, 1),
    }
    for name, pixels in pictures.items():
        np.save(out / f"{name}.npy", pixels)
    for variant, names in {"tiny": list(pictures), "b0": ["photo"], "b1": ["photo"]}.items():
        model, size = torch_model(variant)
        prepare = processor(size={"height": size, "width": size})
        for name in names:
            image = Image.fromarray(pictures[name])
            values = prepare(images=image, return_tensors="pt")["pixel_values"]
            with torch.no_grad():
                output = model(pixel_values=values)
            sizes = [(image.height, image.width)]
            classes = prepare.post_process_semantic_segmentation(output, target_sizes=sizes)[0]
            np.save(out / f"{variant}-{name}.pixel_values.npy", values.numpy())
            np.save(out / f"{variant}-{name}.logits.npy", output.logits.numpy())
            np.save(out / f"{variant}-{name}.map.npy", classes.numpy().astype(np.uint8))


def make_sizes(out: Path) -> None:
    """Writes pictures of many sizes, and their class maps from transformers with the tiny model."""
    import numpy as np
    import torch
    from PIL import Image

    model, size = torch_model("tiny")
    prepare = processor(size=size)
    sizes = [(1, 2), (2, 1), (1, 300), (300, 1), (3, 3), (15, 17), (16, 16), (63, 65), (64, 64), (65, 63), (127, 9)]
    sizes += [(129, 128), (9, 700), (700, 9), (333, 222), (512, 511), (1000, 751)]
    for width, height in sizes:
        image = Image.fromarray(picture(width, height, seed=width + height))
        with torch.no_grad():
            output = model(pixel_values=prepare(images=image, return_tensors="pt")["pixel_values"])
        classes = prepare.post_process_semantic_segmentation(output, target_sizes=[(height, width)])[0]
        np.save(out / f"{width}x{height}.npy", np.asarray(image))
        np.save(out / f"{width}x{height}.map.npy", classes.numpy().astype(np.uint8))
    write_json(out / "manifest.json", [f"{width}x{height}" for width, height in sizes])


def make_forms(out: Path) -> None:
    """Writes the tiny model in the forms found in repositories, and for each the logits of Python's ONNX Runtime."""
    import numpy as np
    import onnx
    import onnx_export
    from onnxruntime.quantization import QuantType, quantize_dynamic

    source = model_file("tiny")
    folder(out, "onnx")
    for name in ["config.json", "preprocessor_config.json"]:
        shutil.copyfile(source.parent / name, out / name)
    onnx.save_model(
        onnx.load(source),
        out / "onnx" / "model.onnx",
        save_as_external_data=True,
        location="model.onnx_data",
        size_threshold=0,
    )
    model, size = torch_model("tiny")
    onnx_export.export(model, out / "onnx" / "model_fp16.onnx", (size, size), half=True)
    logging.disable(logging.WARNING)  # It recommends preparing the model first.
    quantize_dynamic(source, out / "onnx" / "model_quantized.onnx", weight_type=QuantType.QUInt8)
    logging.disable(logging.NOTSET)
    make_fixed(folder(out, "fixed"), onnx.load(source), size)
    pixels = onnx_export.blocks((1, 3, size, size))
    np.save(out / "pixel_values.npy", pixels)
    for variant in ["", "_fp16", "_quantized"]:
        session = onnx_export.open_session(out / "onnx" / f"model{variant}.onnx")
        values = pixels.astype(np.float16 if variant == "_fp16" else np.float32)
        np.save(out / f"logits{variant}.npy", session.run(["logits"], {"pixel_values": values})[0].astype(np.float32))


def make_fixed(out: Path, model, size: int) -> None:
    """A model that accepts only one size, with a configuration that does not resize pictures."""
    import onnx

    for dimension, value in zip(model.graph.input[0].type.tensor_type.shape.dim, [1, 3, size, size]):
        dimension.dim_value = value
    onnx.save_model(model, out / "model.onnx")
    shutil.copyfile(model_file("tiny").parent / "config.json", out / "config.json")
    write_json(out / "preprocessor_config.json", {"do_resize": False})


if __name__ == "__main__":
    sys.exit(main())
