"""Server processes: start, wait, look at, end."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARIES = ROOT / ".build" / "release"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """A message for the person who runs the benchmarks."""


def require(program: str, hint: str) -> None:
    if shutil.which(program) is None:
        raise Failure(f"no '{program}' on the PATH; {hint}")


def binary(name: str) -> str:
    path = BINARIES / name
    if not path.exists():
        raise Failure(f"{path} is missing; build it with: swift build -c release --product {name}")
    return str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that answers HTTP on a port, or, without one, just runs. Its output goes to a file."""

    def __init__(
        self, name: str, command: list[str], port: int | None = None, path: str = "/",
        environment: dict[str, str] | None = None, has_input: bool = False,
    ):
        self.name, self.port, self.path = name, port, path
        self.output = tempfile.NamedTemporaryFile(prefix=f"bench-{name.replace('/', '-')}-", suffix=".log")
        self.known: dict[int, str | None] = {}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE if has_input else subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT, cwd=ROOT, env={**os.environ, **(environment or {})})
        self.pid = self.process.pid

    def wait_until_ready(
        self, seconds: float = 60, probe: Callable[[], bool] | None = None, pause: float = 0.001
    ) -> "Server":
        """Waits for the first 200, or for what `probe` looks for, asking after each pause."""
        probe = probe or (lambda: answers_ok(self.port, self.path))
        deadline = time.perf_counter() + seconds
        while not probe():
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended with status {self.process.returncode}: {self.last_output()}")
            if time.perf_counter() > deadline:
                raise Failure(f"{self.name} does not answer after {seconds} s: {self.last_output()}")
            time.sleep(pause)
        return self

    def last_output(self) -> str:
        return Path(self.output.name).read_text(errors="replace")[-2000:].strip() or "(no output)"

    def tell(self, line: str) -> None:
        """Writes a line to the process's input."""
        if self.process.stdin:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()

    def wait_for_line(self, line: str, seconds: float = 60) -> None:
        self.wait_until_ready(seconds, probe=lambda: line in self.last_output().splitlines())

    def tree(self) -> list[int]:
        """The process and its descendants, and remembers them for `stop`."""
        pids = [self.pid] + descendants(self.pid)
        self.known.update({pid: start_time(pid) for pid in pids})
        return pids

    def stop(self) -> None:
        """Asks the process to end, and kills what is left of it and its descendants by their ids."""
        if self.process.poll() is None:
            self.tree()
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid, started in self.known.items():
            if pid != self.pid and started is not None and start_time(pid) == started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.output.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def answers_ok(port: int, path: str = "/", timeout: float = 5) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def post(
    port: int, path: str, body: bytes, connection: http.client.HTTPConnection | None = None, accept: str = "*/*",
    content_type: str = "application/octet-stream",
) -> tuple[int, bytes]:
    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body, {"Accept": accept, "Content-Type": content_type})
    response = connection.getresponse()
    return response.status, response.read()


# What /proc knows.


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name: state, parent, ...; None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def start_time(pid: int) -> str | None:
    fields = stat_fields(pid)
    return fields[19] if fields else None


def is_running(pid: int) -> bool:
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def children(pid: int) -> list[int]:
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted(child for child in pids if is_running(child) and (stat_fields(child) or [0, 0])[1] == str(pid))


def descendants(pid: int) -> list[int]:
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def cpu_seconds(pid: int) -> float:
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS if fields else 0.0


def pss_megabytes(pids: list[int]) -> float:
    """Memory of processes, pages shared with others divided by the number of their users."""
    kilobytes = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024
