#!/usr/bin/env python3
"""Pictures for the rows `course_*`, and what two class maps have in common.

  course_python.py picture WIDTH HEIGHT PATH   writes the example's sample in that size, as a JPEG
  course_python.py agreement A B               prints how much two class maps in .npy files agree

Runs in .venv.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLE = Path(__file__).resolve().parents[1] / "Examples" / "Segmentation" / "Samples" / "scene.png"


def write_picture(width: int, height: int, path: str) -> None:
    Image.open(SAMPLE).convert("RGB").resize((width, height)).save(path, "JPEG", quality=90)


def agreement(left: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """The share of equal pixels, and the intersection over the union of the classes in either map, on average."""
    if left.shape != right.shape:
        sys.exit(f"the maps have different sizes: {left.shape} and {right.shape}")
    classes = np.union1d(left, right)
    overlaps = [((left == each) & (right == each)).sum() / ((left == each) | (right == each)).sum() for each in classes]
    return {"pixels": float((left == right).mean()), "iou": float(np.mean(overlaps)), "classes": len(classes)}


def main() -> None:
    match sys.argv[1:]:
        case ["picture", width, height, path]:
            write_picture(int(width), int(height), path)
        case ["agreement", left, right]:
            print(json.dumps(agreement(np.load(left), np.load(right))))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
