"""How long the controller plans for a change: measured by bench-control, in large and in small instances."""

import json
import subprocess

from .bench import Bench
from .processes import Failure, binary

CHANGES = ["rollout", "scale", "loss", "load", "check", "deploy", "delete", "restart"]
NAMES = [f"control_1000.{change}" for change in CHANGES]


def control(bench: Bench) -> None:
    command = [binary("bench-control"), str(bench.repetitions)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60 + 120 * bench.repetitions)
    if result.returncode != 0:
        raise Failure(f"bench-control ended with status {result.returncode}: {result.stderr[-2000:]}")
    runs = [json.loads(line) for line in result.stdout.splitlines()]
    for name in dict.fromkeys(run["name"] for run in runs):
        own = [run for run in runs if run["name"] == name]
        bench.add(name, "us", [run["value"] for run in own], [run["baseline"] for run in own], "10 deployments")
    for name in dict.fromkeys(run["name"] for run in runs if run["most"] is not None):
        bench.add_alone(f"{name}.most", "us", [run["most"] for run in runs if run["name"] == name])
