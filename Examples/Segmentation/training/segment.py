"""Segments pictures with an exported model: the whole path from pixels to a class map, without torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image


class Segmenter:
    """A model folder (model.onnx, preprocessor_config.json) opened with ONNX Runtime."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.settings = json.loads((folder / "preprocessor_config.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def segment(self, images: np.ndarray) -> np.ndarray:
        """Returns the class of each pixel, [count, height, width], of images [count, height, width, 3] of bytes."""
        pixels = np.stack([self.preprocess(image) for image in images])
        logits = self.session.run(["logits"], {"pixel_values": pixels})[0]
        return enlarge(logits, images.shape[1], images.shape[2]).argmax(1).astype(np.uint8)

    def preprocess(self, image: np.ndarray) -> np.ndarray:
        """Resizes and normalizes one image according to preprocessor_config.json, float32 [3, height, width]."""
        size = self.settings["size"]
        picture = Image.fromarray(image).resize((size["width"], size["height"]), self.settings["resample"])
        values = np.asarray(picture, np.float32) * np.float32(self.settings["rescale_factor"])
        mean, std = (np.array(self.settings[key], np.float32) for key in ("image_mean", "image_std"))
        return ((values - mean) / std).transpose(2, 0, 1)


def enlarge(logits: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolates [count, classes, h, w] bilinearly, as torch does with align_corners=False."""
    top, bottom, down = _neighbours(height, logits.shape[2])
    left, right, across = _neighbours(width, logits.shape[3])
    rows = logits[:, :, top] * (1 - down)[:, None] + logits[:, :, bottom] * down[:, None]
    return rows[..., left] * (1 - across) + rows[..., right] * across


def _neighbours(target: int, source: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the two source positions for each target position, and the weight of the second."""
    position = np.maximum(0, (np.arange(target) + 0.5) * source / target - 0.5)
    first = np.minimum(position.astype(int), source - 1)
    return first, np.minimum(first + 1, source - 1), (position - first).astype(np.float32)
