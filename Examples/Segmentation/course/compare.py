#!/usr/bin/env python3
"""Compares the example with the course's definitions in Python (services.py), element by element.

  compare.py served --url http://localhost:8000 --model FOLDER    the applications that a running example serves
  compare.py notebook --results FOLDER --model FOLDER             what `segmentation --notebook --save FOLDER` wrote

The model is the one that the example runs: its folder, or `tiny` for the random one of dev/make-b0.py, whose weights
torch runs here. A class may differ from Python's only where Python's best two classes are within rounding of each other.

Needs: dev/python-env.sh golden
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import pickle
import sys
import tempfile
import unicodedata
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

from services import Segmenter, SharpenThenSegment, TextConverter, Threshold

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "Examples" / "Segmentation" / "Samples" / "scene.png"
ARRAY = "application/x-npy"
# What the example binds, as the notebook does.
THRESHOLD = 128
# ONNX Runtime and torch add numbers in different orders. Above this lead of the best class, relative to the largest
# score, they must agree.
ROUNDING = 1e-4


def main() -> int:
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        model = make_checkpoint(Path(folder)) if options.model == "tiny" else Path(options.model)
        comparison = Comparison(Segmenter(model))
        if options.mode == "served":
            comparison.served(options.url)
        else:
            comparison.notebook(Path(options.results))
    print(f"course: {comparison.count} comparisons, {comparison.ties} pixels with a tie, {len(comparison.failures)} failed")
    for failure in comparison.failures:
        print(f"course: {failure}", file=sys.stderr)
    return 1 if comparison.failures else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    served = modes.add_parser("served")
    served.add_argument("--url", required=True)
    notebook = modes.add_parser("notebook")
    notebook.add_argument("--results", required=True)
    for mode in (served, notebook):
        mode.add_argument("--model", required=True)
    return parser.parse_args()


def make_checkpoint(folder: Path) -> Path:
    """Writes the weights that the tiny model's ONNX file was exported from, as transformers reads them."""
    path = ROOT / "dev" / "make-b0.py"
    spec = importlib.util.spec_from_file_location("make_b0", path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    module.make_checkpoint(module.VARIANTS["tiny"], seed=0, folder=folder)
    return folder


class Comparison:
    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self.count, self.ties = 0, 0
        self.failures: list[str] = []

    def served(self, url: str) -> None:
        self.texts(url + "/text-converter")
        self.arrays(url + "/threshold/array")
        for name, picture in pictures().items():
            self.thresholded(name, picture, url + "/threshold")
            self.segmented(name, picture, url)
        self.pickles(url)

    def texts(self, url: str) -> None:
        """Every character that Python knows, one a line."""
        for text in ["cat", "", "straße ﬁn", "ǆ ŉ ΐ", "a\u0301 e\u0301", "İi ıI"]:
            self.check(f"text {text!r}", post(url, text.encode())[1].decode() == TextConverter().convert(text))
        known = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Cc")]
        text = "\n".join(known)
        answer, expected = post(url, text.encode())[1].decode(), TextConverter().convert(text)
        lines = zip(known, answer.split("\n"), expected.split("\n"), strict=True)
        for character, actual, wanted in lines:
            # A newer Unicode than Python's may have a capital letter that Python does not know.
            is_newer = any(unicodedata.category(result) == "Cn" for result in actual)
            self.check(f"character U+{ord(character):04X}: {actual!r}", actual == wanted or is_newer)

    def arrays(self, url: str) -> None:
        rng = np.random.default_rng(0)
        for name in ["u1", "u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8"]:
            for shape in [(), (0,), (7,), (3, 0, 2), (4, 5), (6, 5, 3), (2, 2, 2, 2, 2, 2)]:
                array = rng.integers(0, 256, shape).astype(name)
                self.array(url, array)
                self.array(url, np.asfortranarray(array))
                self.array(url, array.astype(array.dtype.newbyteorder(">")))
            limits = np.iinfo(name) if name[0] in "ui" else np.finfo(name)
            edges = [limits.min, limits.max, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, 0]
            self.array(url, np.array(edges, name))
            if name[0] == "f":
                near = np.nextafter(np.array(THRESHOLD, name), np.array([0, np.inf], name))
                self.array(url, np.concatenate([near, np.array([np.nan, np.inf, -np.inf, -0.0], name)]))
        # No 255: Python raises for int8 and gives False for bool; both are refused.
        for array in [np.zeros(3, "i1"), np.zeros(3, bool)]:
            self.check(f"{array.dtype} is refused", post(url, npy(array), ARRAY)[0] == 422)
        self.check("an array of objects is refused", post(url, npy(np.array([{}], object)), ARRAY)[0] == 415)

    def array(self, url: str, array: np.ndarray) -> None:
        name = f"array {array.dtype.str} {array.shape} {'F' if array.flags.f_contiguous else 'C'}"
        status, body = post(url, npy(array), ARRAY)
        if status != 200:
            self.check(f"{name}: {status} {body[:200]!r}", False)
            return
        expected = Threshold(THRESHOLD).get_response(array)
        self.equal(name, np.load(io.BytesIO(body)), expected.astype(expected.dtype.newbyteorder("=")))

    def thresholded(self, name: str, picture: bytes, url: str) -> None:
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        expected = Threshold(THRESHOLD).get_response(np.asarray(image))
        self.equal(f"threshold of {name}", np.load(io.BytesIO(post(url, picture, ARRAY)[1])), expected)
        png = Image.open(io.BytesIO(post(url, picture)[1]))
        self.check("a picture is answered with a PNG", png.format == "PNG")
        self.equal(f"threshold of {name} as PNG", np.asarray(png), expected)
        jpeg = Image.open(io.BytesIO(post(url, picture, "image/jpeg")[1]))
        self.check("a JPEG comes when it is asked for", jpeg.format == "JPEG" and jpeg.size == image.size)

    def segmented(self, name: str, picture: bytes, url: str) -> None:
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        self.map(f"segment of {name}", array_of(url + "/segment", picture), self.segmenter.segment(image), image)
        for path in ["/", "/sharpen-then-segment", "/basic-linear"]:
            self.sharpened(f"{path} of {name}", array_of(url + path, picture), image)

    def sharpened(self, name: str, actual: np.ndarray, image: Image.Image) -> None:
        service = SharpenThenSegment(self.segmenter)
        self.map(name, actual, service.process(image), service.sharpen(image))

    def pickles(self, url: str) -> None:
        """The notebook's clients send a pickled picture, which runs code when it is read."""
        body = pickle.dumps(Image.open(SAMPLE))
        for path in ["/", "/threshold", "/segment", "/sharpen-then-segment", "/basic-linear"]:
            status, answer = post(url + path, body)
            self.check(f"a pickle at {path}: {status} {answer[:200]!r}", status == 415 and b"a Python pickle" in answer)

    def notebook(self, results: Path) -> None:
        image = Image.open(SAMPLE).resize((512, 384))
        threshold = Threshold(THRESHOLD)
        saved = {path.stem: np.load(path) for path in results.glob("*.npy")}
        # The notebook makes its array from Python's integers.
        pixels = np.asarray(image).astype(np.int64)
        self.equal("threshold by handle", saved["threshold"], threshold.get_response(pixels))
        self.equal("threshold over HTTP", saved["threshold-http"], threshold.get_response(np.asarray(image)))
        self.map("seg", saved["seg"], self.segmenter.segment(image), image)
        for name in ["composition_test", "composition", "resource_and_scaling", "basic_linear"]:
            self.sharpened(name, saved[name], image)

    def map(self, name: str, actual: np.ndarray, expected: np.ndarray, image: Image.Image) -> None:
        """The notebook's maps hold 64-bit integers, the example's hold bytes."""
        if actual.shape != expected.shape:
            return self.check(f"{name}: shape {actual.shape} instead of {expected.shape}", False)
        different = actual != expected
        decided = different & (self.segmenter.margins(image) > ROUNDING)
        self.ties += int((different & ~decided).sum())
        self.check(f"{name}: {int(decided.sum())} of {actual.size} pixels differ", not decided.any())

    def equal(self, name: str, actual: np.ndarray, expected: np.ndarray) -> None:
        same = actual.dtype == expected.dtype and actual.shape == expected.shape and np.array_equal(actual, expected)
        self.check(f"{name}: {actual.dtype} {actual.shape} instead of {expected.dtype} {expected.shape}", same)

    def check(self, name: str, is_right: bool) -> None:
        self.count += 1
        if not is_right:
            self.failures.append(name)


def pictures() -> dict[str, bytes]:
    """The sample, in the notebook's size too, and noise, of which every pixel is decided by itself."""
    sample = Image.open(SAMPLE)
    noise = np.random.default_rng(1).integers(0, 256, (61, 83, 3)).astype(np.uint8)
    return {
        "the sample": SAMPLE.read_bytes(),
        "the sample at 512 x 384": encoded(sample.resize((512, 384)), "PNG"),
        "a JPEG": encoded(sample.resize((300, 201)), "JPEG"),
        "a grey picture": encoded(sample.convert("L"), "PNG"),
        "noise": encoded(Image.fromarray(noise), "PNG"),
    }


def encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def array_of(url: str, picture: bytes) -> np.ndarray:
    status, body = post(url, picture, ARRAY)
    if status != 200:
        raise SystemExit(f"course: {url} answers {status}: {body[:300]!r}")
    return np.load(io.BytesIO(body))


def post(url: str, body: bytes, accept: str = "*/*") -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {"Accept": accept, "Content-Type": "application/octet-stream"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


if __name__ == "__main__":
    sys.exit(main())
