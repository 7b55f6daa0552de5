"""How the number of replicas follows the load: measured by bench-scaling, in one process."""

import json
import subprocess

from .bench import Bench
from .processes import Failure, binary

NAMES = ["scale_up", "scale_from_zero", "rollout_10", "controller_idle_cpu_1000", "controller_gap"]


def scaling(bench: Bench) -> None:
    names = [name for name in NAMES if bench.wants(name)]
    command = [binary("bench-scaling"), str(bench.seconds), str(bench.repetitions), *names]
    limit = 60 + (45 + bench.seconds) * bench.repetitions
    result = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    if result.returncode != 0:
        raise Failure(f"bench-scaling ended with status {result.returncode}: {result.stderr[-2000:]}")
    runs = [json.loads(line) for line in result.stdout.splitlines()]
    for name, unit in dict.fromkeys((run["name"], run["unit"]) for run in runs):
        bench.add_alone(name, unit, [run["value"] for run in runs if run["name"] == name])
