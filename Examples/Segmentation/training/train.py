"""Trains a small SegFormer on synthetic scenes of shapes and exports it to ONNX.

The scenes, the initial weights and the order of the batches follow from --seed, and the length of the training from
--steps. Floating point sums depend on the processor and the number of threads, so another machine gives a model that is
equally good but not equal.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

import shapes
from scores import Scores

sys.path.append(str(Path(__file__).resolve().parents[3] / "dev"))
import onnx_export

MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]

# Scenes for validation during training. Neither these nor those of evaluate.py are trained on.
VALIDATION_SEED = 999
VALIDATION_SCENES = 200

WARMUP_STEPS = 100


def main() -> None:
    options = parse_options()
    onnx_export.quiet()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    start = time.monotonic()
    images, labels = make_training_scenes(options.scenes, options.seed, options.threads)
    validation = shapes.make_scenes(VALIDATION_SCENES, VALIDATION_SEED)
    print(f"{len(images)} scenes in {time.monotonic() - start:.0f} s", flush=True)

    model = make_model()
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    write_preprocessor_config(options.out)

    start = time.monotonic()
    last = min(options.steps, options.stop_at or options.steps)
    for step, loss in train(model, images, labels, options):
        if step % options.report_every != 0 and step != last:
            continue
        scores = score(model, *validation)
        size, difference = export(model, options.out)
        print(
            f"step {step} after {time.monotonic() - start:.0f} s: loss {loss:.3f}, mean IoU {scores.mean_iou:.3f}, "
            f"accuracy {scores.accuracy:.3f}; model.onnx {size} bytes, {difference:.1e} from torch",
            flush=True,
        )
        if step == last:
            break


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_out = Path(__file__).resolve().parent.parent / "Models" / "shapes"
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=9_000, help="length of the training (default: %(default)s)")
    parser.add_argument("--stop-at", type=int, metavar="STEP", help="end early, on the schedule of the full length")
    parser.add_argument("--out", type=Path, default=default_out, help="folder for the model")
    parser.add_argument("--scenes", type=int, default=20_000, help="scenes to train on (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report-every", type=int, default=1000, metavar="STEPS", help="score and export this often")
    return parser.parse_args()


def make_training_scenes(count: int, seed: int, workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Makes the scenes in several processes. The result does not depend on the number of processes."""
    chunk = 500
    counts = [min(chunk, count - start) for start in range(0, count, chunk)]
    seeds = [[seed, index + 1] for index in range(len(counts))]
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(shapes.make_scenes, counts, seeds))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def make_config() -> SegformerConfig:
    """Returns the network's shape: about a tenth of SegFormer-B0, without dropout."""
    return SegformerConfig(
        num_labels=len(shapes.CLASSES),
        id2label=dict(enumerate(shapes.CLASSES)),
        label2id={name: index for index, name in enumerate(shapes.CLASSES)},
        depths=[1, 2, 2, 1],
        hidden_sizes=[16, 32, 64, 96],
        num_attention_heads=[1, 2, 4, 6],
        mlp_ratios=[4, 4, 3, 2],
        decoder_hidden_size=64,
        drop_path_rate=0.0,
        classifier_dropout_prob=0.0,
    )


def make_model() -> SegformerForSemanticSegmentation:
    """Makes the network with random weights.

    Transformers draws every weight with a standard deviation of 0.02, which is meant for wide networks to be fine-tuned;
    in a network as narrow as this one the signal almost vanishes, so the weights are drawn again, scaled by their fan.
    """
    model = SegformerForSemanticSegmentation(make_config())
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight)
        elif isinstance(module, torch.nn.Conv2d):
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
            torch.nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))
    torch.nn.init.normal_(model.decode_head.classifier.weight, 0, 0.02)
    return model


def train(model: SegformerForSemanticSegmentation, images: np.ndarray, labels: np.ndarray, options: argparse.Namespace):
    """Trains the model and yields (step, loss) after each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=0.01)
    rng = np.random.default_rng([options.seed, 0])
    for step in range(1, options.steps + 1):
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * schedule(step, options.steps)
        pixel_values, targets = make_batch(rng, images, labels, options.batch)
        loss = F.cross_entropy(predict(model, pixel_values), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield step, loss.item()


def schedule(step: int, steps: int) -> float:
    """Returns the factor for the learning rate at a step: a linear warm-up, then half a cosine."""
    return min(1, step / WARMUP_STEPS) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.005)


def make_batch(
    rng: np.random.Generator, images: np.ndarray, labels: np.ndarray, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Takes random scenes, mirrors half of the batches, and shuffles the colour channels of each batch."""
    chosen = rng.integers(0, len(images), size)
    batch, targets = images[chosen], labels[chosen]
    if rng.random() < 0.5:
        batch, targets = batch[:, :, ::-1], targets[:, :, ::-1]
    batch = batch[..., rng.permutation(3)]
    return normalize(batch), torch.from_numpy(np.ascontiguousarray(targets)).long()


def normalize(images: np.ndarray) -> torch.Tensor:
    """Converts images of bytes, [count, height, width, 3], to the model's input."""
    mean, std = torch.tensor(MEAN) * 255, torch.tensor(STD) * 255
    pixels = torch.from_numpy(np.ascontiguousarray(images)).float()
    return ((pixels - mean) / std).permute(0, 3, 1, 2).contiguous()


def predict(model: SegformerForSemanticSegmentation, pixel_values: torch.Tensor) -> torch.Tensor:
    """Returns the logits at the resolution of the input."""
    logits = model(pixel_values=pixel_values).logits
    return F.interpolate(logits, size=pixel_values.shape[2:], mode="bilinear", align_corners=False)


def score(model: SegformerForSemanticSegmentation, images: np.ndarray, labels: np.ndarray) -> Scores:
    """Compares the model's class maps with the true ones."""
    model.eval()
    scores = Scores(len(shapes.CLASSES))
    with torch.no_grad():
        for start in range(0, len(images), 50):
            part = slice(start, start + 50)
            scores.add(labels[part], predict(model, normalize(images[part])).argmax(1).numpy())
    return scores


def export(model: SegformerForSemanticSegmentation, folder: Path) -> tuple[int, float]:
    """Writes model.onnx and config.json; returns the file's size and its largest difference from torch."""
    path = folder / "model.onnx"
    difference = onnx_export.export(model, path, (shapes.SIZE, shapes.SIZE))
    write_config(folder)
    return path.stat().st_size, difference


def write_config(folder: Path) -> None:
    """Writes config.json: the network's shape, the names of the classes and the colours to paint them with."""
    config = make_config().to_dict()
    kept = ["depths", "hidden_sizes", "num_attention_heads", "mlp_ratios", "sr_ratios", "decoder_hidden_size"]
    content = {
        "architectures": ["SegformerForSemanticSegmentation"],
        "model_type": "segformer",
        "num_labels": len(shapes.CLASSES),
        "id2label": {str(index): name for index, name in enumerate(shapes.CLASSES)},
        "label2id": {name: index for index, name in enumerate(shapes.CLASSES)},
        "palette": shapes.PALETTE,
        **{key: config[key] for key in kept},
    }
    (folder / "config.json").write_text(json.dumps(content, indent=2) + "\n")


def write_preprocessor_config(folder: Path) -> None:
    """Writes preprocessor_config.json, which says how a picture becomes the model's input."""
    content = {
        "image_processor_type": "SegformerImageProcessor",
        "do_resize": True,
        "size": {"height": shapes.SIZE, "width": shapes.SIZE},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
