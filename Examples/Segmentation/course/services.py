"""The course's services in Python, without Ray: what the deployments of the example must answer.

They have the names and the results of the notebook's classes. Handles, replicas and HTTP are left out.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image, ImageEnhance
from transformers import SegformerForSemanticSegmentation
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil


class TextConverter:
    def convert(self, text: str) -> str:
        return f"***{text.upper()}***"


class Threshold:
    def __init__(self, threshold: int) -> None:
        self.threshold = threshold

    def get_response(self, image: np.ndarray) -> np.ndarray:
        """Raises OverflowError for int8, which has no 255."""
        result = np.zeros_like(image)
        result[image > self.threshold] = 255
        return result


class Segmenter:
    """A folder with torch's weights, as in the notebook, or with model.onnx alone."""

    def __init__(self, model_name: str | Path) -> None:
        # The notebook's feature extractor under its present name. It reduces only labels, which nobody passes here.
        self.processor = SegformerImageProcessorPil.from_pretrained(model_name, do_reduce_labels=True)
        has_weights = any(Path(model_name).glob("*.safetensors"))
        self.model = SegformerForSemanticSegmentation.from_pretrained(model_name) if has_weights else OnnxModel(model_name)

    def segment(self, image: Image.Image) -> np.ndarray:
        sizes = [(image.height, image.width)]
        return self.processor.post_process_semantic_segmentation(self.outputs(image), target_sizes=sizes)[0].numpy()

    def outputs(self, image: Image.Image):
        inputs = self.processor(images=[image], return_tensors="pt")
        with torch.no_grad():
            return self.model(pixel_values=inputs.pixel_values)

    def margins(self, image: Image.Image) -> np.ndarray:
        """How far the best class of each pixel is ahead of the second, as a share of the largest score."""
        scores = torch.nn.functional.interpolate(
            self.outputs(image).logits, size=(image.height, image.width), mode="bilinear", align_corners=False
        )[0]
        best = scores.topk(2, dim=0).values
        return ((best[0] - best[1]) / scores.abs().max()).numpy()


class OnnxModel:
    """Answers as transformers' model does, by ONNX Runtime."""

    def __init__(self, folder: str | Path) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(Path(folder) / "model.onnx", providers=["CPUExecutionProvider"])

    def __call__(self, pixel_values: torch.Tensor) -> SimpleNamespace:
        logits = self.session.run(["logits"], {"pixel_values": pixel_values.numpy()})[0]
        return SimpleNamespace(logits=torch.from_numpy(logits))


class SharpenThenSegment:
    def __init__(self, segmenter_service: Segmenter) -> None:
        self.segmenter_service = segmenter_service

    def sharpen(self, image: Image.Image) -> Image.Image:
        return ImageEnhance.Sharpness(image).enhance(8)

    def process(self, image: Image.Image) -> np.ndarray:
        return self.segmenter_service.segment(self.sharpen(image))
