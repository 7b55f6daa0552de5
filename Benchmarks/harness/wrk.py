"""Load by wrk."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .processes import Failure

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass
class Load:
    requests: int
    per_second: float
    p50_microseconds: float


def load(
    server: Any, connections: int, seconds: int, path: str | None = None, body: int | str | None = None,
    content_type: str = "application/octet-stream",
) -> Load:
    """One run with one thread: of GET, or of POST with a text or so many bytes. Fails when any answer is not a success,
    for then it measured something else."""
    url = f"http://127.0.0.1:{server.port}{path or server.path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT), url]
    if body:
        command += ["--", str(body), content_type]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"wrk failed on {server.name}: {result.stderr.strip() or result.stdout.strip()}")
    report = json.loads(result.stdout.splitlines()[-1])
    if report["bad_status"] or report["failed"] or not report["requests"]:
        raise Failure(f"{server.name} failed requests at {connections} connections: {report}")
    return Load(report["requests"], report["requests"] / report["seconds"], report["p50_us"])
