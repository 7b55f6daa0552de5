"""Calls by handle, and one more replica: measured by bench-handles, in one process."""

import json
import subprocess

from .bench import Bench
from .processes import Failure, binary

BASELINES = {
    "handle_call_p50.process": "200 bytes back and forth over a Unix socket, by NIO",
    "handle_calls_100.process": "the same, 100 messages outstanding",
    "handle_call.inprocess": "call of a plain actor",
    "stream_items.handle": "an AsyncStream in one process",
    "stream_first_item.handle": "200 bytes back and forth over a Unix socket, by NIO",
    "add_replica": "start of a process of the same executable and one message",
}


def handles(bench: Bench) -> None:
    names = [name for name in BASELINES if bench.wants(name)]
    command = [binary("bench-handles"), str(bench.seconds), str(bench.repetitions), *names]
    limit = 60 + 20 * bench.seconds * bench.repetitions
    result = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    if result.returncode != 0:
        raise Failure(f"bench-handles ended with status {result.returncode}: {result.stderr[-2000:]}")
    runs = [json.loads(line) for line in result.stdout.splitlines()]
    for name, unit in dict.fromkeys((run["name"], run["unit"]) for run in runs):
        of_name = [run for run in runs if run["name"] == name]
        bench.add(name, unit, [run["value"] for run in of_name], [run["baseline"] for run in of_name], BASELINES[name])
