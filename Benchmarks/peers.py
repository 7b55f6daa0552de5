#!/usr/bin/env python3
"""Loads no-op applications of other model servers beside Swerve's; rows `peers.*` of results.json.

`make bench-peers` calls it. Installs Ray Serve and LitServe in .venv-peers, once.
"""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from harness.processes import ROOT, Failure, Server, free_port, require
from harness.wrk import load
from run import CONNECTIONS, VARIANTS, Bench, options

VENV = ROOT / ".venv-peers"
REQUIREMENTS = ["ray[serve]==2.60.0", "litserve"]

# Ray Serve with its documented settings for throughput; `max_ongoing_requests` as in bench-app.
RAY_APP = """
import os, signal, sys
port, folder = int(sys.argv[1]), sys.argv[2]
import ray
from ray import serve

@serve.deployment(max_ongoing_requests=1000)
class NoOp:
    async def __call__(self, request):
        return "ok"

ray.init(num_cpus=16, include_dashboard=False, logging_level="error", _temp_dir=folder)
serve.start(http_options={"host": "127.0.0.1", "port": port})
serve.run(NoOp.bind())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    signal.pause()
finally:
    serve.shutdown()
    ray.shutdown()
"""

# LitServe answers POST /predict only; its health route would not pass through a worker.
LITSERVE_APP = """
import sys
import litserve

class NoOp(litserve.LitAPI):
    def setup(self, device): pass
    def decode_request(self, request): return request
    def predict(self, value): return "ok"
    def encode_response(self, output): return output

if __name__ == "__main__":
    litserve.LitServer(NoOp(), accelerator="cpu", track_requests=False).run(
        host="127.0.0.1", port=int(sys.argv[1]), log_level="error", generate_client_file=False)
"""


def install():
    stamp = VENV / ".installed"
    if stamp.exists() and stamp.read_text() == "\n".join(REQUIREMENTS):
        return
    print("Installing Ray Serve and LitServe in .venv-peers ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/pip", "install", "--quiet", *REQUIREMENTS], check=True)
    stamp.write_text("\n".join(REQUIREMENTS))


def start(name, program, *arguments, path="/", environment=None):
    port = free_port()
    return Server(name, [str(VENV / "bin/python"), "-c", program, str(port), *arguments], port, path, environment)


def ray_serve():
    settings = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    return start("ray_serve", RAY_APP, "/tmp/bench-ray", environment=settings)
