"""SegFormer-B0 over HTTP beside the same work in Python, and beside the bare model. Both sides always have as many runs
of the model at a time, and as many threads for each run."""

import http.client
import json
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .bench import Bench
from .processes import ROOT, Failure, Server, binary, free_port, post
from .vision import MODEL, PYTHON

SCRIPT = ROOT / "Benchmarks" / "segformer_python.py"
SAME_WORK = "the same work in Python, without HTTP"
BARE = "the model alone in Python, without pictures and HTTP"


@dataclass(frozen=True)
class Mode:
    """How the cores are used: `runs` images at a time, `threads` for the model's run on each."""
    name: str
    threads: int
    runs: int


@dataclass(frozen=True)
class Answer:
    """What the clients ask for, and how it begins."""
    suffix: str
    output: str
    accept: str
    beginning: bytes


MODES = [Mode("threads2", threads=2, runs=1), Mode("runs2", threads=1, runs=2)]
CLASS_MAP = Answer("", "npy", "application/x-npy", b"\x93NUMPY")
REPORT = Answer("_png", "json", "application/json", b"{")
PICTURE = Answer("", "bare", "image/png", b"\x89PNG")
OVERLAP = "segformer_b0_overlap"
OVERLAP_CLIENTS = 4


def row_name(mode: Mode, suffix: str) -> str:
    return f"segformer_b0_http.{mode.name}{suffix}"


NAMES = [row_name(mode, suffix) for mode in MODES for suffix in (CLASS_MAP.suffix, REPORT.suffix, "_bare")]
NAMES.append(OVERLAP)


def segformer(bench: Bench) -> None:
    missing = [str(path) for path in (ROOT / ".build/release/segmentation", MODEL / "model.onnx", PYTHON)
               if not path.exists()]
    if missing:
        print(f"segformer_b0_http is skipped; missing: {', '.join(missing)}")
        return
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.jpg"
        python("picture", str(picture))
        for mode in MODES:
            if any(bench.wants(row_name(mode, suffix)) for suffix in ("", "_png", "_bare")):
                Comparison(bench, mode, picture).measure()
        if bench.wants(OVERLAP):
            Comparison(bench, MODES[0], picture).measure_overlap()


class Comparison:
    """The rows of a mode: one server, and Python's processes started anew for each measurement."""

    def __init__(self, bench: Bench, mode: Mode, picture: Path):
        self.bench, self.mode, self.picture = bench, mode, picture
        self.body = picture.read_bytes()

    @contextmanager
    def server(self):
        """One replica that is ready, for as long as the context; yields its port."""
        port = free_port()
        command = [binary("segmentation"), "--model", str(MODEL), "--port", str(port),
                   "--threads", str(self.mode.threads)]
        with Server("segmentation", command, port, "/segment") as server:
            server.wait_until_ready(probe=lambda: is_answered(port, self.body))
            yield port

    def measure(self) -> None:
        with self.server() as port:
            for answer in (CLASS_MAP, REPORT):
                self.require_same_answer(port, answer)
                image_rate(port, self.body, answer, self.mode.runs, 1)
            self.add_rows(port, CLASS_MAP, {CLASS_MAP.output: "", "bare": "_bare"})
            self.add_rows(port, REPORT, {REPORT.output: REPORT.suffix})

    def add_rows(self, port: int, answer: Answer, suffixes: dict[str, str]) -> None:
        """Measures the server and each baseline in turn; a row for each baseline. The server's values are the same."""
        wanted = {output: row_name(self.mode, suffix) for output, suffix in suffixes.items()
                  if self.bench.wants(row_name(self.mode, suffix))}
        values: list[float] = []
        baselines: dict[str, list[float]] = {output: [] for output in wanted}
        for _ in range(self.bench.repetitions if wanted else 0):
            for output in wanted:
                baselines[output].append(self.python_rate(output))
            values.append(image_rate(port, self.body, answer, self.mode.runs, self.bench.seconds))
        for output, name in wanted.items():
            self.bench.add(name, "images/s", values, baselines[output], BARE if output == "bare" else SAME_WORK)

    def measure_overlap(self) -> None:
        """Decoding, drawing and encoding overlap with the model's run, so one replica comes close to the bare model."""
        values, baselines = [], []
        with self.server() as port:
            image_rate(port, self.body, PICTURE, OVERLAP_CLIENTS, 1)
            for _ in range(self.bench.repetitions):
                baselines.append(self.python_rate(PICTURE.output))
                values.append(image_rate(port, self.body, PICTURE, OVERLAP_CLIENTS, self.bench.seconds))
        self.bench.add(OVERLAP, "images/s", values, baselines, BARE)

    def require_same_answer(self, port: int, answer: Answer) -> None:
        """Both sides must do the same work: their class maps are compared, pixel by pixel."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(post(port, "/segment", self.body, accept=answer.accept)[1])
            file.flush()
            python("check", str(MODEL), str(self.picture), answer.output, file.name)

    def python_rate(self, output: str) -> float:
        mode, seconds = self.mode, str(self.bench.seconds)
        arguments = (str(MODEL), str(self.picture), output, str(mode.threads), str(mode.runs), seconds)
        return json.loads(python("rate", *arguments))["images_per_second"]


def python(*arguments: str, script: Path = SCRIPT) -> str:
    result = subprocess.run([str(PYTHON), str(script), *arguments], capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise Failure(f"{script.name} {arguments[0]} failed: {result.stderr[-2000:].strip()}")
    return result.stdout


def is_answered(port: int, body: bytes, path: str = "/segment") -> bool:
    try:
        return post(port, path, body, accept=CLASS_MAP.accept)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def image_rate(
    port: int, body: bytes, answer: Answer, clients: int, seconds: float, path: str = "/segment"
) -> float:
    """Images per second of clients that each post one image after another."""
    counts = [0] * clients
    failures: list[str] = []
    start = time.perf_counter()

    def client(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() - start < seconds and not failures:
            try:
                status, content = post(port, path, body, connection, answer.accept)
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                return
            if status != 200 or not content.startswith(answer.beginning):
                failures.append(f"status {status}: {content[:200]!r}")
            counts[index] += 1

    threads = [threading.Thread(target=client, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not all(counts):
        raise Failure(f"segmentation failed: {failures or 'a client got no answer'}")
    return sum(counts) / (time.perf_counter() - start)
