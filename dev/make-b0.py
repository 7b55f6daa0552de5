#!/usr/bin/env python3
"""Makes a SegFormer of random weights for tests and benchmarks that need a model's size but not its skill.

  b0    the network of SegFormer-B0 with 150 classes at 512x512, in .cache/models/segformer-b0-random
  b1    the network of SegFormer-B1, likewise
  tiny  the smallest net of that family with 5 classes at 64x64, in .cache/models/segformer-tiny-random

Each is first written as transformers writes a model, then exported by export-onnx.py, whose work this tries. The folder
holds config.json, preprocessor_config.json and model.onnx; of b1, which is laid out as a repository is, onnx/model.onnx.
A folder that is complete is left as it is. With --weights, torch's weights are written instead, as transformers writes a
model, in a folder whose name ends in -torch.
Needs: dev/python-env.sh golden
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]

# The arguments of SegformerConfig, and the side of the pictures that the model takes.
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
    "b1": {
        "size": 512,
        "classes": 150,
        "file": "onnx/model.onnx",
        "network": {
            "depths": [2, 2, 2, 2],
            "hidden_sizes": [64, 128, 320, 512],
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
    name = f"segformer-{options.variant}-random" + ("-torch" if options.weights else "")
    folder = options.out or ROOT / ".cache" / "models" / name
    variant = VARIANTS[options.variant]
    file = "model.safetensors" if options.weights else variant.get("file", "model.onnx")
    files = [file, "config.json", "preprocessor_config.json"]
    if not options.force and all((folder / name).is_file() for name in files):
        return 0
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        print(f"make-b0: {error}. Run dev/python-env.sh golden and use .venv/bin/python.", file=sys.stderr)
        return 1

    folder.parent.mkdir(parents=True, exist_ok=True)
    # The folder appears complete or not at all, even if the script is interrupted.
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        if options.weights:
            make_checkpoint(variant, options.seed, partial)
            summary = "torch's weights"
        else:
            summary = export(variant, options.seed, partial, file)
        shutil.rmtree(folder, ignore_errors=True)
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"{folder / file}: {(folder / file).stat().st_size} bytes, {summary}")
    return 0


def export(variant: dict, seed: int, folder: Path, file: str) -> str:
    """Writes the ONNX file and the configuration, and returns how far the file is from torch."""
    with tempfile.TemporaryDirectory() as checkpoint:
        make_checkpoint(variant, seed, Path(checkpoint))
        path, difference = export_script().convert(Path(checkpoint), folder, file=file)
    require_lively(path, variant["size"])
    return f"{difference:.1e} from torch at most"


def export_script():
    """Loads export-onnx.py; its name has a hyphen, so it cannot be imported."""
    spec = importlib.util.spec_from_file_location("export_onnx", ROOT / "dev" / "export-onnx.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=sorted(VARIANTS), default="b0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", action="store_true", help="torch's weights instead of an ONNX file")
    parser.add_argument("--out", type=Path, help="folder to write instead")
    parser.add_argument("--force", action="store_true", help="make it again when it is there")
    return parser.parse_args()


def make_checkpoint(variant: dict, seed: int, folder: Path) -> None:
    """Writes the files of a repository without an ONNX file: weights drawn from the seed, and the configuration."""
    import onnx_export

    onnx_export.quiet()
    make_model(variant, seed).save_pretrained(folder)
    write_json(folder / "config.json", make_config(variant))
    write_json(folder / "preprocessor_config.json", make_preprocessor_config(variant["size"]))


def make_model(variant: dict, seed: int):
    import torch
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    torch.manual_seed(seed)
    model = SegformerForSemanticSegmentation(SegformerConfig(num_labels=variant["classes"], **variant["network"]))
    enliven(model)
    return model.eval()


def enliven(model) -> None:
    """Scales up the weights, so that the logits vary over the picture and the class map has several classes.

    With the weights from transformers (standard deviation 0.02), almost nothing of the picture reaches the logits.
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


def require_lively(path: Path, size: int) -> None:
    """Fails when the logits are almost constant."""
    import numpy as np
    import onnx_export

    pixels = onnx_export.blocks((1, 3, size, size))
    logits = onnx_export.open_session(path).run(["logits"], {"pixel_values": pixels})[0]
    classes = np.unique(logits.argmax(1))
    if len(classes) < 3 or logits.std() < 0.05:
        raise RuntimeError(f"the logits are not lively: {len(classes)} classes, deviation {logits.std()}")


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
