"""Calls for memory per request, counted by a library that is preloaded into the processes."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .bench import Bench
from .processes import ROOT, Failure, Server, binary, children, require
from .servers import bench_app, roles
from .wrk import load

SOURCE = Path(__file__).with_name("count_allocations.c")
CALLS = 20_000
CONNECTIONS = 32


class Counter:
    """The counts of the processes that were started with its environment."""

    def __init__(self, folder: str):
        self.folder = Path(folder)
        self.environment = {"LD_PRELOAD": str(library()), "ALLOCATION_COUNTS": folder}

    def of(self, pid: int) -> int:
        try:
            return int.from_bytes((self.folder / str(pid)).read_bytes(), sys.byteorder)
        except OSError as error:
            raise Failure(f"process {pid} does not count its allocations: {error}") from error


def library() -> Path:
    path = ROOT / ".cache" / "count-allocations.so"
    if not path.exists() or path.stat().st_mtime < SOURCE.stat().st_mtime:
        require("cc", "install a C compiler")
        path.parent.mkdir(exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", path, SOURCE], check=True)
    return path


@contextlib.contextmanager
def counter() -> Iterator[Counter]:
    with tempfile.TemporaryDirectory(prefix="bench-allocations-") as folder:
        yield Counter(folder)


def allocations(bench: Bench) -> None:
    if sys.platform != "linux":
        print("allocations are skipped: they are counted on Linux only")
        return
    if any(map(bench.wants, ("allocations.front", "allocations.replica"))):
        of_requests(bench)
    if bench.wants("allocations.in_process"):
        in_process(bench)
    if any(map(bench.wants, ("allocations.handle_call", "allocations.handle_call_replica"))):
        of_calls(bench)


def of_requests(bench: Bench) -> None:
    """No-op requests over HTTP: of the main process, and of the replica's."""
    values: dict[str, list[float]] = {"front": [], "replica": []}
    with counter() as counts, bench_app("process", "process", "1", environment=counts.environment) as app:
        load(app.wait_until_ready(), CONNECTIONS, 1)
        for _ in range(bench.repetitions):
            before = {role: counts.of(pid) for role, pid in roles(app).items()}
            requests = load(app, CONNECTIONS, bench.seconds).requests
            for role, pid in roles(app).items():
                values[role].append((counts.of(pid) - before[role]) / requests)
    for role in values:
        bench.add_alone(f"allocations.{role}", "mallocs/req", values[role])


def in_process(bench: Bench) -> None:
    """The same with the replica in the main process."""
    values = []
    with counter() as counts, bench_app("inprocess", "inProcess", "1", environment=counts.environment) as app:
        load(app.wait_until_ready(), CONNECTIONS, 1)
        for _ in range(bench.repetitions):
            before = counts.of(app.pid)
            values.append((load(app, CONNECTIONS, bench.seconds).requests, counts.of(app.pid) - before))
    bench.add_alone("allocations.in_process", "mallocs/req", [count / requests for requests, count in values])


def of_calls(bench: Bench) -> None:
    """Calls of 200 bytes by handle, one after another: of the caller, and of the replica's process."""
    values: dict[str, list[float]] = {"handle_call": [], "handle_call_replica": []}
    with counter() as counts:
        command = [binary("bench-handles"), "calls", str(CALLS), str(bench.repetitions)]
        with Server("bench-handles", command, environment=counts.environment, has_input=True) as server:
            server.wait_for_line("ready")
            processes = dict(zip(values, [server.pid, *children(server.pid)]))
            for repetition in range(bench.repetitions):
                before = {name: counts.of(pid) for name, pid in processes.items()}
                server.tell("go")
                server.wait_for_line(f"done {repetition}")
                for name, pid in processes.items():
                    values[name].append((counts.of(pid) - before[name]) / CALLS)
    for name, counted in values.items():
        bench.add_alone(f"allocations.{name}", "mallocs/call", counted)
