"""Scores the model run by several engines and precisions on the same held-out scenes, and times each.

ONNX Runtime in 32 bits is the reference. Beside it: OpenVINO in 32 bits and in bf16, as `ONNXProvider.openVINO` runs it, and
a variant of the model with 8-bit weights and activations, which is made here with onnxruntime.quantization and calibrated on
other scenes than those that are scored.

Needs: dev/python-env.sh training openvino. Without OpenVINO, or bf16 on this processor, those lines are left out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

import shapes
from evaluate import TEST_SCENES, TEST_SEED
from scores import Scores
from segment import Segmenter, enlarge

# Neither trained on nor scored.
CALIBRATION_SEED = 17
CALIBRATION_SCENES = 64
BATCH = 16

Run = Callable[[np.ndarray], np.ndarray]


def main() -> int:
    options = parse_options()
    segmenter = Segmenter(options.model, options.threads)
    images, labels = shapes.make_scenes(options.scenes, options.seed)
    pixels = np.stack([segmenter.preprocess(image) for image in images])
    with tempfile.TemporaryDirectory() as folder:
        runs = engines(options.model / "model.onnx", segmenter, Path(folder), options.threads)
        scores = {name: score(run, pixels, labels) for name, run in runs.items()}
        timed = {**runs}
        sample = pixels[:1]
        if options.timed:
            timed = engines(options.timed, None, Path(folder), options.threads)
            sample = np.random.default_rng(1).standard_normal((1, 3, 512, 512)).astype(np.float32)
        times = milliseconds({name: run for name, run in timed.items() if name in scores}, sample, options.repetitions)
    return report(scores, times, options.limit)


def engines(model: Path, segmenter: Segmenter | None, folder: Path, threads: int) -> dict[str, Run]:
    """What runs the model, by name; the reference is the first."""
    runs = {"ONNX Runtime": onnx_runtime(model, threads)}
    try:
        import openvino
    except ImportError:
        print("OpenVINO is not installed: dev/python-env.sh openvino")
    else:
        core = openvino.Core()
        precisions = ["f32"] + (["bf16"] if computes_bf16(core) else [])
        if "bf16" not in precisions:
            print("this processor does not compute in bf16")
        for precision in precisions:
            runs[f"OpenVINO {precision}"] = open_vino(core, model, precision, threads)
    small = folder / f"{model.parent.name}-int8.onnx"
    quantize(model, small, segmenter)
    runs["ONNX Runtime int8"] = onnx_runtime(small, threads)
    if "OpenVINO f32" in runs:
        runs["OpenVINO int8"] = open_vino(core, small, "f32", threads)
    return runs


def computes_bf16(core: object) -> bool:
    """As `OpenVINOLibrary.check` tells it."""
    words = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else {"bf16"}
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") and bool(
        words & {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"})


def onnx_runtime(model: Path, threads: int) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(["logits"], {"pixel_values": pixels})[0]


def open_vino(core: object, model: Path, precision: str, threads: int) -> Run:
    """Compiled for each shape, as Swerve does."""
    compiled = {}

    def run(pixels: np.ndarray) -> np.ndarray:
        if pixels.shape not in compiled:
            read = core.read_model(model)
            read.reshape(list(pixels.shape))
            settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                        "ENABLE_CPU_PINNING": "NO"}
            compiled[pixels.shape] = core.compile_model(read, "CPU", settings).create_infer_request()
        return compiled[pixels.shape].infer({0: pixels})[0].copy()

    return run


def quantize(model: Path, target: Path, segmenter: Segmenter | None) -> None:
    """Writes the model with 8-bit convolutions and matrix products, calibrated on scenes, or on noise for a model of random
    weights, which is only timed."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if segmenter:
        images, _ = shapes.make_scenes(CALIBRATION_SCENES, CALIBRATION_SEED)
        samples = [segmenter.preprocess(image)[None] for image in images]
    else:
        samples = [np.random.default_rng(2).standard_normal((1, 3, 512, 512)).astype(np.float32)]

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(samples)

        def get_next(self) -> dict[str, np.ndarray] | None:
            sample = next(self.rest, None)
            return None if sample is None else {"pixel_values": sample}

    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    quantize_static(str(prepared), str(target), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                    op_types_to_quantize=["Conv", "MatMul", "Gemm"])


def score(run: Run, pixels: np.ndarray, labels: np.ndarray) -> Scores:
    scores = Scores(len(shapes.CLASSES))
    for start in range(0, len(pixels), BATCH):
        part = slice(start, start + BATCH)
        scores.add(labels[part], enlarge(run(pixels[part]), *labels.shape[1:]).argmax(1).astype(np.uint8))
    return scores


def milliseconds(runs: dict[str, Run], sample: np.ndarray, repetitions: int) -> dict[str, list[float]]:
    """The times of single runs, taken in turns so that all engines see the same machine."""
    times = {name: [] for name in runs}
    for repetition in range(repetitions + 2):
        for name, run in runs.items():
            start = time.perf_counter()
            run(sample)
            if repetition >= 2:
                times[name].append((time.perf_counter() - start) * 1e3)
    return times


def report(scores: dict[str, Scores], times: dict[str, list[float]], limit: float) -> int:
    reference = scores["ONNX Runtime"].mean_iou
    worst = 0.0
    print(f"{'':<20} mean IoU  below the reference  accuracy  median ms  ratio")
    for name, result in scores.items():
        ratio = statistics.median(a / b for a, b in zip(times[name], times["ONNX Runtime"]))
        loss = reference - result.mean_iou
        print(f"{name:<20} {result.mean_iou:8.4f}  {loss:19.4f}  {result.accuracy:8.4f}"
              f"  {statistics.median(times[name]):9.2f}  {ratio:5.2f}")
        if name.startswith("OpenVINO") and not name.endswith("int8"):
            worst = max(worst, loss)
    if worst > limit:
        print(f"a precision of OpenVINO loses more than {limit} of the mean IoU", file=sys.stderr)
        return 1
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_model = Path(__file__).resolve().parent.parent / "Models" / "shapes"
    parser.add_argument("--model", type=Path, default=default_model, help="folder of the model that is scored")
    parser.add_argument("--timed", type=Path, metavar="ONNX", help="time this model at 512x512 instead of the scored one")
    parser.add_argument("--seed", type=int, default=TEST_SEED)
    parser.add_argument("--scenes", type=int, default=TEST_SCENES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--limit", type=float, default=0.005, metavar="MIOU",
                        help="exit with 1 when OpenVINO in f32 or bf16 is further below the reference")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
