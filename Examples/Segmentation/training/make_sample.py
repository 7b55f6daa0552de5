"""Makes Samples/scene.png, a picture with one shape of each class that the model was not trained on.

With --overlay it also writes the picture with the model's class map laid over it, for viewing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import shapes
from segment import Segmenter

# A seed that train.py and evaluate.py do not use.
SAMPLE_SEED = 2026

EXAMPLE = Path(__file__).resolve().parent.parent


def main() -> None:
    options = parse_options()
    image, labels = make_sample(options.seed, options.size)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(options.out, optimize=True)
    if options.overlay is None:
        return
    prediction = Segmenter(options.model).segment(image[None])[0]
    colors = np.array(shapes.PALETTE, np.uint8)[prediction]
    mixed = (image * 0.4 + colors * 0.6).astype(np.uint8)
    Image.fromarray(np.concatenate([image, mixed], axis=1)).save(options.overlay)
    print(f"{(prediction == labels).mean():.1%} of the pixels have the right class")


def make_sample(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws one shape of each class, each in its own quarter of the picture, lit from the upper left."""
    rng = np.random.default_rng(seed)
    image = shapes.make_texture(rng, size)
    labels = np.zeros((size, size), np.uint8)
    quarters = [(x, y) for y in (0.27, 0.73) for x in (0.27, 0.73)]
    for shape, quarter in zip(rng.permutation(np.arange(1, len(shapes.CLASSES))), quarters):
        center = np.array(quarter) + rng.uniform(-0.03, 0.03, 2)
        cover = shapes.draw_outline(shape, center, rng.uniform(0.16, 0.2), rng.uniform(-0.5, 0.5), size)
        shapes.paint(rng, image, labels, shape, cover)
    diagonal = np.add.outer(np.linspace(0, 0.5, size), np.linspace(0, 0.5, size))
    return shapes.finish(rng, image * (1.1 - 0.3 * diagonal)[..., None]), labels


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=SAMPLE_SEED)
    parser.add_argument("--size", type=int, default=384, help="width and height (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=EXAMPLE / "Samples" / "scene.png")
    parser.add_argument("--overlay", type=Path, metavar="FILE", help="picture and class map side by side")
    parser.add_argument("--model", type=Path, default=EXAMPLE / "Models" / "shapes", help="folder of the model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
