"""Writes SegFormer models of torch as ONNX files and compares the two. Used by export-onnx.py, make-b0.py and training.

Needs: dev/python-env.sh golden
"""

from __future__ import annotations

import copy
import json
import logging
import os
import warnings
from pathlib import Path

import numpy as np
import torch

OPSET = 17
# The largest allowed difference between the logits of torch and of the file, as a fraction of the largest logit.
TOLERANCE = 1e-4
HALF_TOLERANCE = 3e-2


class ExportError(Exception):
    """Why there is no ONNX file, for human readers."""


class LogitsOnly(torch.nn.Module):
    """Gives a model one input and one output, both tensors."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values=pixel_values).logits


def quiet() -> None:
    """Silences the informational output of torch and transformers; errors are still shown."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*legacy TorchScript")
    logging.getLogger("transformers").setLevel(logging.ERROR)


def export(model: torch.nn.Module, path: Path, size: tuple[int, int], opset: int = OPSET, half: bool = False) -> float:
    """Writes the file completely or not at all, and returns its largest difference from torch.

    torch.onnx.export restores its argument's original mode, and a new wrapper starts in training mode. So the
    model is copied, and the wrapper is switched to evaluation before and after.
    """
    quiet()
    reference = LogitsOnly(copy.deepcopy(model)).eval()
    exported = copy.deepcopy(reference).half().eval() if half else reference
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        torch.onnx.export(
            exported,
            (torch.zeros(1, 3, *size, dtype=torch.float16 if half else torch.float32),),
            str(partial),
            input_names=["pixel_values"],
            output_names=["logits"],
            dynamic_axes={
                "pixel_values": {0: "batch_size", 2: "height", 3: "width"},
                "logits": {0: "batch_size", 2: "height/4", 3: "width/4"},
            },
            opset_version=opset,
            dynamo=False,
        )
        difference = compare(reference.eval(), partial, size, HALF_TOLERANCE if half else TOLERANCE)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return difference


def compare(wrapper: torch.nn.Module, path: Path, size: tuple[int, int], tolerance: float = TOLERANCE) -> float:
    """Runs the file and torch on pictures, batches and another size; returns the largest difference of the logits.

    Raises ExportError when it is larger than the tolerance times the largest logit.
    """
    height, width = size
    session = open_session(path)
    element = np.float16 if "float16" in session.get_inputs()[0].type else np.float32
    greatest = 0.0
    for shape in [(1, 3, height, width), (2, 3, height, width), (1, 3, height // 2, width)]:
        pixels = blocks(shape)
        with torch.no_grad():
            expected = wrapper(torch.from_numpy(pixels)).numpy()
        actual = session.run(["logits"], {"pixel_values": pixels.astype(element)})[0].astype(np.float32)
        difference = float(np.abs(actual - expected).max())
        # Written as a negation, so that NaN is refused.
        if not difference <= tolerance * max(1.0, float(np.abs(expected).max())):
            raise ExportError(f"the exported model differs from torch by {difference} at {shape}")
        greatest = max(greatest, difference)
    return greatest


def open_session(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def blocks(shape: tuple[int, int, int, int]) -> np.ndarray:
    """Coarse blocks of colour, always the same ones, which resemble a picture more than noise does."""
    rng = np.random.default_rng(1)
    small = rng.normal(0, 1, (*shape[:2], -(-shape[2] // 8), -(-shape[3] // 8))).astype(np.float32)
    return small.repeat(8, axis=2).repeat(8, axis=3)[:, :, : shape[2], : shape[3]]


def input_size(folder: Path) -> tuple[int, int]:
    """The height and width that preprocessor_config.json resizes pictures to."""
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    size = settings.get("size", 512)
    if isinstance(size, int):
        return size, size
    if isinstance(size, list):
        return size[0], size[1]
    try:
        return size["height"], size["width"]
    except KeyError:
        raise ExportError(f"preprocessor_config.json: size is {size}, height and width are needed") from None
