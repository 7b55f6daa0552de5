"""Scores of class maps against the true ones."""

from __future__ import annotations

import numpy as np


class Scores:
    """Counts pixels by true and predicted class."""

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Adds class maps of equal shape."""
        classes = len(self.counts)
        pairs = truth.astype(np.int64).ravel() * classes + prediction.astype(np.int64).ravel()
        self.counts += np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of each class, over all pixels of all scenes."""
        hits = np.diag(self.counts)
        return hits / np.maximum(1, self.counts.sum(0) + self.counts.sum(1) - hits)

    @property
    def mean_iou(self) -> float:
        """The mean over all classes, including the background."""
        return float(self.iou.mean())

    @property
    def accuracy(self) -> float:
        """The fraction of pixels with the right class."""
        return float(np.diag(self.counts).sum() / self.counts.sum())
