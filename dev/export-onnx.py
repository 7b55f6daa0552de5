#!/usr/bin/env python3
"""Makes the ONNX file of a SegFormer, for repositories and folders that have only torch's weights.

  dev/export-onnx.py nvidia/segformer-b0-finetuned-ade-512-512       into models/segformer-b0-finetuned-ade-512-512
  dev/export-onnx.py path/to/folder                                   into the folder itself
  dev/export-onnx.py OWNER/NAME --output DIR --half                   float16, as onnx/model_fp16.onnx

Writes onnx/model.onnx, config.json and preprocessor_config.json, and compares the file with torch; when they differ, it
ends with status 1. A gated repository needs HF_TOKEN, a mirror HF_ENDPOINT, as all of Hugging Face's tools do.

Needs: dev/python-env.sh golden; run it with .venv/bin/python.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

CONFIGURATION = ["config.json", "preprocessor_config.json"]


def main() -> int:
    options = parse_options()
    try:
        import onnx_export
    except ImportError as error:
        return fail(f"{error}. Run dev/python-env.sh golden and use .venv/bin/python.")
    source = Path(options.model).expanduser()
    is_folder = source.exists() or options.model.startswith((".", "/", "~"))
    output = options.output or (source if is_folder else Path("models") / options.model.split("/")[-1])
    try:
        checkpoint = source if is_folder else download(options.model, options.revision)
        file, difference = convert(checkpoint, output, options.opset, options.half)
    except onnx_export.ExportError as error:
        return fail(str(error))
    print(f"{file}: {file.stat().st_size} bytes, {difference:.1e} from torch at most")
    folder = f"./{output}" if not output.is_absolute() and not str(output).startswith(".") else str(output)
    variant = ', variant: "fp16"' if options.half else ""
    print(f'Use it:  SegFormer.bind(model: "{folder}"{variant})   or   make run MODEL={folder}')
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a repository, OWNER/NAME, or a folder that transformers can load")
    parser.add_argument("--revision", default="main", help="a branch, tag or commit of the repository")
    parser.add_argument("--output", type=Path, help="the folder to write to")
    parser.add_argument("--opset", type=int, default=17, help="the version of ONNX's operators (default: 17)")
    parser.add_argument("--half", action="store_true", help="weights, input and output of 16 bits")
    return parser.parse_args()


def fail(message: str) -> int:
    print(f"export-onnx: {message}", file=sys.stderr)
    return 1


def download(repository: str, revision: str) -> Path:
    """Downloads a repository's configuration and weights to Hugging Face's cache and returns the folder."""
    import huggingface_hub
    import onnx_export

    patterns = ["*.json", "*.safetensors", "pytorch_model*.bin"]
    try:
        found = huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=patterns)
    except Exception as error:
        raise onnx_export.ExportError(f"cannot load {repository}: {error}") from error
    return Path(found)


def convert(checkpoint: Path, output: Path, opset: int = 17, half: bool = False, file: str | None = None) -> tuple[Path, float]:
    """Writes the ONNX file and the configuration beside it; returns the file and its difference from torch."""
    import onnx_export
    from transformers import SegformerForSemanticSegmentation

    missing = [name for name in CONFIGURATION if not (checkpoint / name).is_file()]
    if missing:
        raise onnx_export.ExportError(f"{checkpoint} has no {' and no '.join(missing)}")
    onnx_export.quiet()
    check_type(checkpoint)
    try:
        model, report = SegformerForSemanticSegmentation.from_pretrained(checkpoint, output_loading_info=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise onnx_export.ExportError(f"transformers cannot load {checkpoint}: {error}") from error
    if report["missing_keys"]:
        # Transformers initialises missing weights at random.
        raise onnx_export.ExportError(f"the weights in {checkpoint} lack {sorted(report['missing_keys'])[:3]} and more")
    path = output / (file or ("onnx/model_fp16.onnx" if half else "onnx/model.onnx"))
    difference = onnx_export.export(model.eval(), path, onnx_export.input_size(checkpoint), opset, half)
    for name in CONFIGURATION:
        if not (output / name).exists() or not os.path.samefile(checkpoint / name, output / name):
            shutil.copyfile(checkpoint / name, output / name)
    return path, difference


def check_type(checkpoint: Path) -> None:
    """Refuses anything but a SegFormer for segmentation, before transformers turns it into one."""
    import onnx_export

    config = json.loads((checkpoint / "config.json").read_text())
    if config.get("model_type") != "segformer":
        raise onnx_export.ExportError(f"config.json: model_type is {config.get('model_type')!r}, 'segformer' is needed")
    architectures = config.get("architectures") or []
    if architectures and "SegformerForSemanticSegmentation" not in architectures:
        raise onnx_export.ExportError(
            f"config.json: architectures is {architectures}, SegformerForSemanticSegmentation is needed; a repository "
            "without a head for segmentation has nothing to segment with"
        )


if __name__ == "__main__":
    sys.exit(main())
