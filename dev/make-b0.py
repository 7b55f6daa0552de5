#!/usr/bin/env python3
"""Makes a SegFormer of random weights for tests and benchmarks that need a model's size but not its skill.

  b0    the network of SegFormer-B0 with 150 classes at 512x512, in .cache/models/segformer-b0-random
  tiny  the smallest net of that family with 5 classes at 64x64, in .cache/models/segformer-tiny-random

Each folder holds model.onnx, config.json and preprocessor_config.json. A folder that is complete is left as it is.
Needs: dev/python-env.sh golden
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]

# What SegformerConfig is made from, and the side of the pictures that the model takes.
VARIANTS = {
    "b0": {
        "size": 512,
        "classes": 150,
        "network": {
            "depths": [2, 2, 2, 2],
            "hidden_sizes": [32, 64, 160, 256],
            "num_attention_heads": [1, 2, 5, 8],
            "mlp_ratios": [4, 4, 4, 4],
            "decoder_hidden_size": 256,
        },
    },
    "tiny": {
        "size": 64,
        "classes": 5,
        "network": {
            "depths": [1, 1, 1, 1],
            "hidden_sizes": [8, 16, 24, 32],
            "num_attention_heads": [1, 1, 2, 4],
            "mlp_ratios": [2, 2, 2, 2],
            "decoder_hidden_size": 32,
        },
    },
}


def main() -> int:
    options = parse_options()
    folder = options.out or ROOT / ".cache" / "models" / f"segformer-{options.variant}-random"
    files = ["model.onnx", "config.json", "preprocessor_config.json"]
    if not options.force and all((folder / name).is_file() for name in files):
        return 0
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        print(f"make-b0: {error}. Run dev/python-env.sh golden and use .venv/bin/python.", file=sys.stderr)
        return 1

    folder.parent.mkdir(parents=True, exist_ok=True)
    # A folder appears whole or not at all, whatever interrupts this.
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        variant = VARIANTS[options.variant]
        export(variant, options.seed, partial)
        write_json(partial / "config.json", make_config(variant))
        write_json(partial / "preprocessor_config.json", make_preprocessor_config(variant["size"]))
        shutil.rmtree(folder, ignore_errors=True)
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"{folder / 'model.onnx'}: {(folder / 'model.onnx').stat().st_size} bytes")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=sorted(VARIANTS), default="b0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder to write instead")
    parser.add_argument("--force", action="store_true", help="make it again when it is there")
    return parser.parse_args()


def export(variant: dict, seed: int, folder: Path) -> None:
    """Writes model.onnx with weights drawn from the seed."""
    import torch
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    class LogitsOnly(torch.nn.Module):
        """Gives the model one input and one output, both tensors."""

        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
            return self.model(pixel_values=pixel_values).logits

    warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*legacy TorchScript")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.manual_seed(seed)
    model = SegformerForSemanticSegmentation(SegformerConfig(num_labels=variant["classes"], **variant["network"]))
    enliven(model)

    # torch.onnx.export puts its argument back into the mode it came in, and a new wrapper comes in training mode.
    wrapper = LogitsOnly(model).eval()
    path = folder / "model.onnx"
    torch.onnx.export(
        wrapper,
        (torch.zeros(1, 3, variant["size"], variant["size"]),),
        str(path),
        input_names=["pixel_values"],
        output_names=["logits"],
        dynamic_axes={
            "pixel_values": {0: "batch_size", 2: "height", 3: "width"},
            "logits": {0: "batch_size", 2: "height/4", 3: "width/4"},
        },
        opset_version=17,
        dynamo=False,
    )
    check(wrapper.eval(), path, variant["size"])


def enliven(model) -> None:
    """Scales the weights up, so that the logits vary over the picture and the class map has several classes.

    As transformers draws them (standard deviation 0.02), next to nothing of the picture reaches the logits.
    """
    import torch

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0, (1.5 / fan_in) ** 0.5)
            elif isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)


def check(wrapper, path: Path, size: int) -> None:
    """Fails when the exported file and torch disagree, or when the logits are all but constant."""
    import numpy as np
    import onnxruntime
    import torch

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), session_options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    for shape in [(1, 3, size, size), (2, 3, size, size), (1, 3, size // 2, size)]:
        # Coarse blocks of colour: nearer to a picture than noise is.
        blocks = rng.normal(0, 1, (*shape[:2], shape[2] // 8, shape[3] // 8)).astype(np.float32)
        pixels = blocks.repeat(8, axis=2).repeat(8, axis=3)
        with torch.no_grad():
            expected = wrapper(torch.from_numpy(pixels)).numpy()
        actual = session.run(["logits"], {"pixel_values": pixels})[0]
        difference = float(np.abs(actual - expected).max())
        if difference > 1e-3:
            raise RuntimeError(f"the exported model differs from torch by {difference} at {shape}")
        classes = np.unique(actual.argmax(1))
        if len(classes) < 3 or actual.std() < 0.05:
            raise RuntimeError(f"the logits are not lively: {len(classes)} classes, deviation {actual.std()}")
        if os.environ.get("VERBOSE"):
            print(f"{shape}: {difference:.1e} from torch, deviation {actual.std():.2f}, {len(classes)} classes")


def make_config(variant: dict) -> dict:
    """Returns config.json; the classes have generic names."""
    names = [f"class {index}" for index in range(variant["classes"])]
    return {
        "architectures": ["SegformerForSemanticSegmentation"],
        "model_type": "segformer",
        "num_labels": len(names),
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
        "sr_ratios": [8, 4, 2, 1],
        **variant["network"],
    }


def make_preprocessor_config(size: int) -> dict:
    """Returns preprocessor_config.json, which says how a picture becomes the model's input."""
    return {
        "image_processor_type": "SegformerImageProcessor",
        "do_resize": True,
        "size": {"height": size, "width": size},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
