"""The course's application beside Ray Serve's: a JPEG in, sharpened, SegFormer-B0, a JPEG out. Both sides have the same
weights, and two threads for a run of the model."""

import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .bench import Bench
from .processes import ROOT, Failure, Server, binary, free_port, post, pss_megabytes
from .ray import PEERS_PYTHON, RayServer
from .segformer import CLASS_MAP, Answer, image_rate, is_answered, python
from .vision import MODEL, PYTHON

WEIGHTS = ROOT / ".cache" / "models" / "segformer-b0-random-torch"
NEEDED = (MODEL / "model.onnx", WEIGHTS / "model.safetensors", PYTHON, PEERS_PYTHON)
SCRIPT = ROOT / "Benchmarks" / "course_python.py"
THREADS = 2
PICTURES = {"512": (512, 384), "720": (1280, 720)}
CLIENTS = (1, 4, 16)
JPEG = Answer("", "jpeg", "image/jpeg", b"\xff\xd8\xff")
# A slow server needs some time for more than a handful of answers.
WINDOWS = 2
# Until the memory that the load needed is given back, on either side.
REST_SECONDS = 6
# bf16 rounds, and random weights make ties everywhere.
LEAST_AGREEMENT = 0.98

# Ray Serve's modes: how the names of their rows end, and what they are called.
MODES = {"ray": ("", "Ray Serve"), "ray_haproxy": (".haproxy", "Ray Serve with HAProxy")}
RATES = [f"course_{picture}_c{count}" for picture in PICTURES for count in CLIENTS]
BASES = [*RATES, "course_start", "course_pss"]
NAMES = [*BASES, *[f"{name}.haproxy" for name in BASES],
         *[f"course_{picture}_{kind}" for picture in PICTURES for kind in ("pixels", "iou")]]


@dataclass
class Side:
    """A server to start anew for each repetition, and what was measured of it."""
    name: str
    values: dict[str, list[float]] = field(default_factory=dict)
    class_maps: dict[str, bytes] = field(default_factory=dict)

    def server(self) -> Server:
        if self.name != "swerve":
            return RayServer(self.name, "course_ray.py", str(WEIGHTS), str(THREADS))
        port = free_port()
        return Server("segmentation", [
            binary("segmentation"), "--composition", "--fast", "--threads", str(THREADS), "--model", str(MODEL),
            "--port", str(port)], port)

    def measure(self, bench: Bench, pictures: dict[str, bytes]) -> None:
        wanted = [name for name in RATES if bench.wants(name) or bench.wants(f"{name}.haproxy")]
        start = time.perf_counter()
        with self.server() as server:
            server.wait_until_ready(120, lambda: is_answered(server.port, pictures["512"], "/"), self.pause)
            self.add("course_start", time.perf_counter() - start)
            server.tree()
            for picture, body in pictures.items():
                self.class_maps[picture] = answer_of(server, body, CLASS_MAP)
                for name in [name for name in wanted if name.startswith(f"course_{picture}_")]:
                    clients = int(name.rpartition("_c")[2])
                    self.add(name, image_rate(server.port, body, JPEG, clients, WINDOWS * bench.seconds, "/"))
            if not wanted:  # The memory is that after a load.
                image_rate(server.port, pictures["720"], JPEG, max(CLIENTS), WINDOWS * bench.seconds, "/")
            time.sleep(REST_SECONDS)
            self.add("course_pss", pss_megabytes(server.tree()))

    @property
    def pause(self) -> float:
        """Between two looks at a server that starts. Many of them would delay one that takes seconds."""
        return 0.001 if self.name == "swerve" else 0.05

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)


def course(bench: Bench) -> None:
    if missing := [str(path) for path in NEEDED if not path.exists()]:
        problem = f"missing: {', '.join(missing)}; dev/setup.sh course makes them"
        if bench.only:
            raise Failure(problem)
        return print(f"course_* is skipped; {problem}")
    sides = {"swerve": Side("swerve")}
    for mode, (suffix, _) in MODES.items():
        if any(bench.wants(name + suffix) for name in BASES):
            sides[mode] = Side(mode)
    with tempfile.TemporaryDirectory() as folder:
        pictures = {name: picture_of(size, Path(folder)) for name, size in PICTURES.items()}
        for _ in range(bench.repetitions):
            for side in reversed(sides.values()):
                side.measure(bench, pictures)
        add_rows(bench, sides)
        if "ray" in sides:
            add_agreement(bench, sides["swerve"].class_maps, sides["ray"].class_maps, Path(folder))


def add_rows(bench: Bench, sides: dict[str, Side]) -> None:
    for mode, (suffix, beside) in MODES.items():
        for name in BASES if mode in sides else []:
            unit = {"course_start": "s", "course_pss": "MB"}.get(name, "images/s")
            if name in sides[mode].values:
                bench.add(name + suffix, unit, sides["swerve"].values[name], sides[mode].values[name], beside)


def add_agreement(bench: Bench, ours: dict[str, bytes], theirs: dict[str, bytes], folder: Path) -> None:
    """Both sides must do the same work: their class maps are compared."""
    for picture in PICTURES:
        paths = [folder / "ours.npy", folder / "theirs.npy"]
        for path, class_maps in zip(paths, (ours, theirs)):
            path.write_bytes(class_maps[picture])
        shared = json.loads(python("agreement", *map(str, paths), script=SCRIPT))
        if shared["pixels"] < LEAST_AGREEMENT:
            raise Failure(f"the class maps of {picture} agree in {shared['pixels']:.2%} of the pixels only")
        bench.add_alone(f"course_{picture}_pixels", "% of the pixels", [100 * shared["pixels"]])
        bench.add_alone(f"course_{picture}_iou", "mean IoU", [shared["iou"]])


def picture_of(size: tuple[int, int], folder: Path) -> bytes:
    path = folder / "picture.jpg"
    python("picture", *map(str, size), str(path), script=SCRIPT)
    return path.read_bytes()


def answer_of(server: Server, body: bytes, answer: Answer) -> bytes:
    status, content = post(server.port, "/", body, accept=answer.accept)
    if status != 200 or not content.startswith(answer.beginning):
        raise Failure(f"{server.name} answered with status {status}: {content[:200]!r}")
    return content
