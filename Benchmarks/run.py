#!/usr/bin/env python3
"""Runs the benchmarks. A whole run writes results.json and results.md beside this file; a part of them, or --quick,
writes only with --write. `make bench`, or `make bench ONLY=http,handles`, builds what is needed and calls it.
`make bench-table` writes the table in README.md afterwards."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from harness.allocations import allocations
from harness.batch import batch
from harness.bench import Bench
from harness.control import NAMES as CONTROL_NAMES
from harness.control import control
from harness.course import NAMES as COURSE_NAMES
from harness.course import course
from harness.echo import NAMES as ECHO_NAMES
from harness.echo import echo
from harness.goodput import NAMES as GOODPUT_NAMES
from harness.goodput import goodput
from harness.graph import graph_flows, graph_large
from harness.handles import BASELINES, handles
from harness.life import cold_start, idle_pss, recovery
from harness.model_batch import NAME as MODEL_BATCH
from harness.model_batch import model_batch
from harness.noop import ROWS, http_noop, names_of
from harness.processes import ROOT, Failure, require
from harness.scaling import NAMES as SCALING_NAMES
from harness.scaling import scaling
from harness.segformer import NAMES as SEGFORMER_NAMES
from harness.segformer import segformer
from harness.stream import stream
from harness.vision import ENGINE_NAMES, segformer_engines, segformer_load, segformer_memory, segformer_stages

# What measures the rows of a group, the products that it needs, and how the names of its rows begin.
Group = tuple[Callable[[Bench], None], list[str], list[str]]
GROUPS: dict[str, list[Group]] = {
    "http": [(http_noop, ["bench-app", "bench-hummingbird"], [name for row in ROWS for name in names_of(*row)])],
    "echo": [(echo, ["bench-app"], ECHO_NAMES)],
    "batch": [(batch, ["bench-app"], ["batch32_10ms"]), (goodput, ["bench-app"], GOODPUT_NAMES)],
    "stream": [(stream, ["bench-app", "bench-hummingbird"], ["stream_items.http", "stream_first_item.http"])],
    "handles": [(handles, ["bench-handles"], list(BASELINES))],
    "allocations": [(allocations, ["bench-app", "bench-handles"], ["allocations"])],
    "graph": [(graph_flows, ["bench-graph"], ["graph_chain3", "graph_fan8"]),
              (graph_large, ["bench-graph"], ["graph_large_4mib"])],
    "life": [(cold_start, ["bench-app", "bench-hummingbird"], ["cold_start"]),
             (recovery, ["bench-app"], ["replica_kill_recovery"]),
             (idle_pss, ["bench-app"], ["idle_pss"])],
    "control": [(control, ["bench-control"], CONTROL_NAMES)],
    "scaling": [(scaling, ["bench-scaling"], SCALING_NAMES)],
    "segformer": [(segformer, ["segmentation"], SEGFORMER_NAMES),
                  (model_batch, ["bench-vision"], [MODEL_BATCH]),
                  (segformer_load, ["bench-vision"], ["segformer_b0_load"]),
                  (segformer_stages, ["bench-vision"], ["segformer_b0_stage"]),
                  (segformer_engines, ["bench-vision"], ENGINE_NAMES),
                  (segformer_memory, ["bench-vision"], ["segformer_b0_pss"])],
    "course": [(course, ["segmentation"], COURSE_NAMES)],
}


def arguments_of(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", default="", metavar="LIST",
                        help=f"groups ({', '.join(GROUPS)}) and beginnings of names of rows, separated by commas")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement (default: 3)")
    parser.add_argument("--repetitions", type=int, default=5, help="default: 5")
    parser.add_argument("--quick", action="store_true", help="two repetitions of one second")
    parser.add_argument("--write", action="store_true", help="write the results of a part, too")
    parser.add_argument("--build", action="store_true", help="build what is needed first")
    return parser.parse_args()


def build(products: list[str]) -> None:
    for product in products:
        command = [os.environ.get("SWIFT", "swift"), "build", "-c", "release", "--product", product, "--quiet"]
        if subprocess.run(command, cwd=ROOT).returncode != 0:
            raise Failure(f"{product} cannot be built")


def warn_when_busy() -> None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 4:
        print(f"The machine is busy: a load of {load:.1f} on {cores} cores. Expect wide spreads.", flush=True)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the servers are ended too.
    arguments = arguments_of(__doc__)
    bench = Bench(arguments)
    for program, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        require(program, f"install it with: apt-get install {package}")
    for name, groups in GROUPS.items():
        bench.expand(name, [row for _, _, names in groups for row in names])
    wanted = [group for groups in GROUPS.values() for group in groups if any(map(bench.wants_some, group[2]))]
    if not wanted:
        raise Failure(f"no benchmark is named '{arguments.only}...'")
    if arguments.build:
        build(sorted({product for _, products, _ in wanted for product in products}))
    warn_when_busy()
    for measure, _, _ in wanted:
        measure(bench)
    bench.finish()


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"bench: {failure}")
