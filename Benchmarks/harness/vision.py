"""SegFormer-B0 in Swift beside the same in Python, with Pillow, transformers and ONNX Runtime."""

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from .bench import Bench
from .processes import ROOT, Failure, Server, binary, pss_megabytes

MODEL = ROOT / ".cache" / "models" / "segformer-b0-random"
PYTHON = ROOT / ".venv" / "bin" / "python"
SCRIPT = ROOT / "Benchmarks" / "vision_python.py"
REPOSITORY = "swerve/segformer-b0-random"
REPLICAS = (1, 4)
ENGINES = ("openvino", "openvino_f32")
ENGINE_NAMES = [f"segformer_b0_model.{engine}" for engine in ENGINES]
STAGES = {"decode": "Pillow", "preprocess": "transformers", "model": "ONNX Runtime in Python", "postprocess": "torch"}


class Vision:
    """Both sides, a cache of the hub that has the model, and the picture. A context."""

    def __enter__(self) -> "Vision":
        self.folder = tempfile.TemporaryDirectory()
        fill_cache(Path(self.folder.name) / "hub")
        self.environment = {"HF_HUB_CACHE": f"{self.folder.name}/hub", "HF_HUB_OFFLINE": "1"}
        self.picture = f"{self.folder.name}/picture.jpg"
        self.run([PYTHON, SCRIPT, "picture", self.picture])
        self.sides = {"swift": [binary("bench-vision")], "python": [PYTHON, SCRIPT]}
        return self

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()

    def run(self, command: list[object], seconds: float = 120) -> str:
        result = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, cwd=ROOT, timeout=seconds,
            env={**os.environ, **self.environment})
        if result.returncode != 0:
            raise Failure(f"{command[0]} ended with status {result.returncode}: {result.stderr[-2000:]}")
        return result.stdout

    def measure(self, side: str, *arguments: str, seconds: float = 120) -> Any:
        return json.loads(self.run([*self.sides[side], *arguments], seconds))


def fill_cache(folder: Path) -> None:
    """Lays the model out as huggingface_hub does: blobs, a snapshot of links, and what `main` stands for."""
    commit = "0" * 40
    root = folder / f"models--{REPOSITORY.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    for path in (root / "blobs", root / "refs", snapshot):
        path.mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    for name in ("config.json", "preprocessor_config.json", "model.onnx"):
        content = (MODEL / name).read_bytes()
        etag = hashlib.sha256(content).hexdigest()
        (root / "blobs" / etag).write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{etag}")


def is_ready(name: str) -> bool:
    missing = [str(path) for path in (ROOT / ".build/release/bench-vision", MODEL / "model.onnx", PYTHON)
               if not path.exists()]
    if missing:
        print(f"{name} is skipped; missing: {', '.join(missing)}")
    return not missing


def has_openvino() -> bool:
    """Whether OpenVINO's library is where bench-vision looks for it, and the processor computes in bf16."""
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    return bool({"avx512_bf16", "amx_bf16"} & set(flags)) and any(ROOT.glob(".venv/lib/python3*/site-packages/openvino/libs"))


def segformer_load(bench: Bench) -> None:
    """From a name to a model that can run, with the files in the hub's cache: in a process that has started, and from
    the start of the process to its end."""
    if not is_ready("segformer_b0_load"):
        return
    with Vision() as vision:
        inside, whole = {"swift": [], "python": []}, {"swift": [], "python": []}
        for _ in range(bench.repetitions):
            for side in vision.sides:
                start = time.perf_counter()
                inside[side].append(vision.measure(side, "load", REPOSITORY)["milliseconds"])
                whole[side].append((time.perf_counter() - start) * 1e3)
        bench.add("segformer_b0_load", "ms", inside["swift"], inside["python"], "transformers and ONNX Runtime")
        bench.add("segformer_b0_load_process", "ms", whole["swift"], whole["python"], "the same in Python")


def segformer_stages(bench: Bench) -> None:
    """Images per second of each stage alone, 1920x1080, each side on one thread."""
    if not is_ready("segformer_b0_stage"):
        return
    with Vision() as vision:
        rates = {side: [] for side in vision.sides}
        for _ in range(bench.repetitions):
            for side in vision.sides:
                rates[side].append(vision.measure(side, "stages", REPOSITORY, vision.picture, str(bench.seconds),
                                                  seconds=60 + 10 * bench.seconds))
        for stage in STAGES:
            values, baselines = ([run[stage] for run in rates[side]] for side in ("swift", "python"))
            bench.add(f"segformer_b0_stage_{stage}", "images/s", values, baselines, STAGES[stage])


def segformer_engines(bench: Bench) -> None:
    """Images per second of the model alone, in OpenVINO and in ONNX Runtime in turn, in one process of two threads."""
    if not is_ready("segformer_b0_model"):
        return
    with Vision() as vision:
        rates = [vision.measure("swift", "engines", REPOSITORY, str(bench.seconds), seconds=60 + 10 * bench.seconds)
                 for _ in range(bench.repetitions)]
        for engine, name in zip(ENGINES, ENGINE_NAMES):
            if all(engine in rate for rate in rates):
                bench.add(name, "images/s", [rate[engine] for rate in rates],
                          [rate["onnxruntime"] for rate in rates], "ONNX Runtime in the same process")
            else:
                print(f"{name} is skipped: OpenVINO is not installed, or lacks bf16 on this processor")


def segformer_memory(bench: Bench) -> None:
    """Memory of replicas that have worked: in processes of their own, counted with the process that leads them, or in one
    process, where they share the model. Beside it stand as many Python processes."""
    if not is_ready("segformer_b0_pss"):
        return
    with Vision() as vision:
        for replicas in REPLICAS:
            name = f"segformer_b0_pss_{replicas}"
            placements = {f"{name}.process": ("process", "cpu"), f"{name}.inprocess": ("inProcess", "cpu")}
            if replicas == 1 and has_openvino():
                placements[f"{name}.openvino"] = ("process", "openvino")
            if not any(map(bench.wants, placements)):
                continue
            python, swift = [], {row: [] for row in placements}
            for _ in range(bench.repetitions):
                command = [*map(str, vision.sides["python"]), "serve", REPOSITORY, vision.picture]
                python.append(memory([command] * replicas, vision.environment))
                for row, (placement, provider) in placements.items():
                    command = [*vision.sides["swift"], "serve", REPOSITORY, str(replicas), vision.picture, placement, provider]
                    swift[row].append(memory([command], vision.environment))
            for row, values in swift.items():
                bench.add(row, "MB", values, python, "as many Python processes with torch and transformers")


def memory(commands: list[list[str]], environment: dict[str, str]) -> float:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(f"vision-{index}", command, environment=environment))
                   for index, command in enumerate(commands)]
        for server in servers:
            server.wait_until_ready(120, probe=lambda: "ready" in server.last_output().split())
        time.sleep(1)
        return pss_megabytes([pid for server in servers for pid in server.tree()])
