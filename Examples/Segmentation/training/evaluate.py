"""Scores the ONNX file on held-out scenes, run by ONNX Runtime as a service would run it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import onnxruntime

import shapes
from scores import Scores
from segment import Segmenter

# Used neither for training nor for validation during training (see train.py).
TEST_SEED = 4242
TEST_SCENES = 400


def main() -> int:
    options = parse_options()
    segmenter = Segmenter(options.model)
    images, labels = shapes.make_scenes(options.scenes, options.seed)
    scores = Scores(len(shapes.CLASSES))
    for start in range(0, options.scenes, 16):
        part = slice(start, start + 16)
        scores.add(labels[part], segmenter.segment(images[part]))

    print(f"{options.scenes} scenes of seed {options.seed}, ONNX Runtime {onnxruntime.__version__}")
    for name, iou in zip(shapes.CLASSES, scores.iou):
        print(f"  {name:<12} IoU {iou:.3f}")
    print(f"  mean IoU     {scores.mean_iou:.4f}")
    print(f"  accuracy     {scores.accuracy:.4f}")
    if options.require is not None and scores.mean_iou < options.require:
        print(f"the mean IoU is below {options.require}", file=sys.stderr)
        return 1
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_model = Path(__file__).resolve().parent.parent / "Models" / "shapes"
    parser.add_argument("--model", type=Path, default=default_model, help="folder of the model")
    parser.add_argument("--seed", type=int, default=TEST_SEED)
    parser.add_argument("--scenes", type=int, default=TEST_SCENES)
    parser.add_argument("--require", type=float, metavar="MIOU", help="exit with 1 when the mean IoU is below this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
