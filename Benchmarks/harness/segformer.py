"""SegFormer-B0 over HTTP beside the bare model."""

import http.client
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .bench import Bench
from .processes import ROOT, Failure, Server, binary, free_port, post
from .vision import MODEL, PYTHON

# What the model answers; a picture of it would be compressed first.
CLASS_MAP = "application/x-npy"


def segformer(bench: Bench) -> None:
    """Images per second with two clients, against the bare loop with as many threads: the loop gives all of them to one
    run, the server one each to as many runs at a time."""
    missing = [str(path) for path in (ROOT / ".build/release/segmentation", MODEL / "model.onnx", PYTHON)
               if not path.exists()]
    if missing:
        print(f"segformer_b0_http is skipped; missing: {', '.join(missing)}")
        return
    threads, port = min(2, os.cpu_count()), free_port()  # The server has two runs at a time.
    command = [binary("segmentation"), "--model", str(MODEL), "--port", str(port), "--threads", "1"]
    with tempfile.TemporaryDirectory() as folder, Server("segmentation", command, port, "/segment") as server:
        picture = f"{folder}/picture.jpg"
        subprocess.run([PYTHON, ROOT / "Benchmarks/onnx_loop.py", "--picture", picture], check=True)
        body = Path(picture).read_bytes()
        server.wait_until_ready(probe=lambda: is_answered(port, body))
        pairs = [(image_rate(port, body, bench.seconds), loop_rate(threads, bench.seconds))
                 for _ in range(bench.repetitions)]
        values, baselines = zip(*pairs)
        bench.add("segformer_b0_http", "images/s", list(values), list(baselines), "ONNX Runtime in a Python loop")


def is_answered(port: int, body: bytes) -> bool:
    try:
        return post(port, "/segment", body, accept=CLASS_MAP)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def image_rate(port: int, body: bytes, seconds: float, clients: int = 2) -> float:
    """Images per second of clients that each post one image after another."""
    counts = [0] * clients
    failures: list[str] = []
    start = time.perf_counter()

    def client(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() - start < seconds and not failures:
            status, answer = post(port, "/segment", body, connection, CLASS_MAP)
            if status != 200 or not answer.startswith(b"\x93NUMPY"):
                failures.append(f"status {status}: {answer[:200]!r}")
            counts[index] += 1

    threads = [threading.Thread(target=client, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not all(counts):
        raise Failure(f"segmentation failed: {failures or 'a client got no answer'}")
    return sum(counts) / (time.perf_counter() - start)


def loop_rate(threads: int, seconds: float) -> float:
    command = [PYTHON, ROOT / "Benchmarks/onnx_loop.py", "--model", MODEL / "model.onnx", "--threads", str(threads),
               "--seconds", str(seconds)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)["images_per_second"]
