"""SegFormer-B0 in batches over HTTP, beside the bare model on batches of the same size."""

import json
import tempfile
from pathlib import Path

from .bench import Bench
from .processes import ROOT, Server, binary, free_port
from .segformer import CLASS_MAP, image_rate, is_answered, python
from .vision import MODEL, PYTHON

SIZE = 4
THREADS = 2
# Two batches are under way while the next two come.
CLIENTS = 4 * SIZE
NAME = f"segformer_b0_batch{SIZE}"


def model_batch(bench: Bench) -> None:
    missing = [str(path) for path in (ROOT / ".build/release/bench-vision", MODEL / "model.onnx", PYTHON)
               if not path.exists()]
    if missing:
        return print(f"{NAME} is skipped; missing: {', '.join(missing)}")
    port = free_port()
    command = [binary("bench-vision"), "batches", str(MODEL), str(port), str(THREADS), str(SIZE)]
    values, baselines = [], []
    with tempfile.TemporaryDirectory() as folder, Server("batches", command, port) as server:
        picture = Path(folder) / "picture.jpg"
        python("picture", str(picture))
        body = picture.read_bytes()
        server.wait_until_ready(probe=lambda: is_answered(port, body, "/"))
        image_rate(port, body, CLASS_MAP, CLIENTS, 1, "/")
        for _ in range(bench.repetitions):
            bare = ["rate", str(MODEL), str(picture), f"bare{SIZE}", str(THREADS), "1", str(2 * bench.seconds)]
            baselines.append(json.loads(python(*bare))["images_per_second"])
            values.append(image_rate(port, body, CLASS_MAP, CLIENTS, 2 * bench.seconds, "/"))
    bench.add(NAME, "images/s", values, baselines, f"the model alone in Python, in batches of {SIZE}")
