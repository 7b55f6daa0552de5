"""Synthetic scenes of shapes with their class maps.

A scene is a textured background with one to four textured shapes on it. Every class takes its colours and textures from
the same distributions as the background, so only the outline identifies a shape. The same seed gives the same scenes.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ["background", "circle", "square", "triangle", "star"]

# Colours to paint a class map with, one RGB triple per class.
PALETTE = [[40, 40, 40], [230, 60, 60], [60, 180, 75], [0, 120, 220], [255, 210, 0]]

# The side of the scenes that the model is trained on.
SIZE = 128

# Outlines are drawn this much larger and then reduced, which makes their edges smooth.
_OVERSAMPLING = 4


def make_scenes(count: int, seed: int | list[int], size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Returns images [count, size, size, 3] and class maps [count, size, size], both uint8."""
    rng = np.random.default_rng(seed)
    images = np.empty((count, size, size, 3), np.uint8)
    labels = np.empty((count, size, size), np.uint8)
    for index in range(count):
        images[index], labels[index] = make_scene(rng, size)
    return images, labels


def make_scene(rng: np.random.Generator, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Draws one random scene: an RGB image and its class map."""
    image = make_texture(rng, size)
    labels = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        shape = int(rng.integers(1, len(CLASSES)))
        radius = rng.uniform(0.125, 0.28)
        # At least about three quarters of each shape lie within the picture.
        center = rng.uniform(0.6 * radius, 1 - 0.6 * radius, 2)
        cover = draw_outline(shape, center, radius, rng.uniform(-0.5, 0.5), size)
        inside = cover >= 0.5
        if (labels[inside] > 0).mean() > 0.15:
            continue
        paint(rng, image, labels, shape, cover)
    return finish(rng, image), labels


def paint(rng: np.random.Generator, image: np.ndarray, labels: np.ndarray, shape: int, cover: np.ndarray) -> None:
    """Paints a shape with a random texture onto the image and into the class map."""
    texture = make_texture(rng, image.shape[0])
    inside = cover >= 0.5
    difference = texture[inside].mean(0) - image[inside].mean(0)
    if np.abs(difference).max() < 60:  # Otherwise shape and background might look the same.
        texture += np.where(difference >= 0, 70, -70)
    image += cover[..., None] * (np.clip(texture, 0, 255) - image)
    labels[inside] = shape


def finish(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Adds sensor noise to half of the scenes and converts to bytes."""
    if rng.random() < 0.5:
        image = image + rng.normal(0, rng.uniform(1, 10), image.shape).astype(np.float32)
    return np.clip(image, 0, 255).astype(np.uint8)


def make_texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """Returns a random colour with blotches, stripes, checks or grain, float32 [size, size, 3]."""
    color = rng.uniform(30, 225, 3)
    tint = rng.uniform(0.4, 1, 3) * rng.uniform(8, 40)
    axis = np.arange(size, dtype=np.float32) * (SIZE / size)
    kind = rng.integers(0, 4)
    if kind == 0:
        pattern = _blotches(rng, size)
    elif kind == 1:
        angle, frequency = rng.uniform(0, np.pi), rng.uniform(0.15, 0.9)
        pattern = np.sin((axis * np.cos(angle) + (axis * np.sin(angle))[:, None]) * frequency)
    elif kind == 2:
        wave = np.sign(np.sin(axis * rng.uniform(0.15, 0.6)))
        pattern = wave * wave[:, None]
    else:
        pattern = rng.normal(0, 1, (size, size))
    return (color + pattern[..., None] * tint).astype(np.float32)


def draw_outline(shape: int, center: np.ndarray, radius: float, angle: float, size: int) -> np.ndarray:
    """Returns how much of each pixel a shape covers, 0 to 1. Lengths are fractions of the picture's side."""
    name = CLASSES[shape]
    mask = Image.new("L", (size * _OVERSAMPLING, size * _OVERSAMPLING))
    draw = ImageDraw.Draw(mask)
    if name == "circle":
        points = _ring(center, np.full(72, 0.9 * radius), angle)
    elif name == "square":
        points = _ring(center, np.full(4, radius), angle + np.pi / 4)
    elif name == "triangle":
        points = _ring(center, np.full(3, 1.15 * radius), angle - np.pi / 2)
    else:
        points = _ring(center, np.tile([1.15 * radius, 0.48 * radius], 5), angle - np.pi / 2)
    draw.polygon([(x, y) for x, y in points * (size * _OVERSAMPLING)], fill=255)
    return np.asarray(mask.reduce(_OVERSAMPLING), np.float32) / 255


def _ring(center: np.ndarray, radii: np.ndarray, angle: float) -> np.ndarray:
    """Returns points at equal angles around a centre, [count, 2]."""
    angles = angle + np.arange(len(radii)) * (2 * np.pi / len(radii))
    return np.stack([center[0] + radii * np.cos(angles), center[1] + radii * np.sin(angles)], axis=1)


def _blotches(rng: np.random.Generator, size: int) -> np.ndarray:
    """Returns a coarse grid of random values, interpolated to the full size."""
    cells = int(rng.integers(3, 10))
    grid = rng.normal(0, 1, (cells + 2, cells + 2)).astype(np.float32)
    position = np.linspace(0, cells, size, dtype=np.float32)
    index = position.astype(int)
    fraction = position - index
    rows = grid[index] * (1 - fraction)[:, None] + grid[index + 1] * fraction[:, None]
    return rows[:, index] * (1 - fraction) + rows[:, index + 1] * fraction
