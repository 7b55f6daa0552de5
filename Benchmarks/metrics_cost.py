#!/usr/bin/env python3
"""What the metrics cost a request: `bench-app` under the load of wrk, sampled by perf.

A sample belongs to the metrics if its stack has a function of SwerveMetrics, of a type `...Metrics`, or the proxy's
`count`, or if it reads the clock for the proxy, which nothing but the metrics needs. The share is of the samples in the
program; those in the kernel are given beside it. It needs Debian's linux-perf, and a kernel that lets this user sample.

    swift build -c release --product bench-app
    Benchmarks/metrics_cost.py .build/release/bench-app [inProcess|process] [SECONDS]
"""
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

# Mangled names: a module's or a type's name stands behind its length.
METRICS = re.compile(r"13SwerveMetrics|\d+\w*MetricsV|\d+\w*MetricsC|HTTPForwardC5count")
CLOCK = re.compile(r"clock_gettime|read_tsc|uptimeNanoseconds")
PROXY = re.compile(r"11SwerveProxy")


def wait_for(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def processes(parent):
    children = pathlib.Path(f"/proc/{parent}/task").glob("*/children")
    return [parent, *(int(word) for each in children for word in each.read_text().split())]


def samples(text):
    """The stacks of `perf script`, innermost function first."""
    for block in text.split("\n\n"):
        lines = [line.split(maxsplit=1) for line in block.splitlines() if line[:1] in " \t"]
        stack = [(int(line[0], 16), line[1] if len(line) > 1 else "") for line in lines if line]
        if stack:
            yield stack


def is_for_metrics(names):
    if any(METRICS.search(name) for name in names):
        return True
    # The reading itself, and who wants it, a few functions further out.
    return bool(CLOCK.search(names[0])) and any(PROXY.search(name) for name in names[:5])


def main():
    if not 2 <= len(sys.argv) <= 4:
        raise SystemExit(__doc__)
    program = sys.argv[1]
    placement = sys.argv[2] if len(sys.argv) > 2 else "inProcess"
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen([program, str(port), placement, "1", "loops=1"], stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        load = subprocess.Popen(
            ["wrk", "-t1", "-c32", f"-d{seconds + 2}s", f"http://127.0.0.1:{port}/"], stdout=subprocess.DEVNULL
        )
        time.sleep(1)
        with tempfile.TemporaryDirectory() as folder:
            data = f"{folder}/perf.data"
            sampled = ",".join(map(str, processes(server.pid)))
            subprocess.run(
                ["perf", "record", "-q", "-F", "1999", "-g", "-p", sampled, "-o", data, "--", "sleep", str(seconds)],
                check=True, stdin=subprocess.DEVNULL,
            )
            script = subprocess.run(
                ["perf", "script", "-i", data, "-F", "ip,sym"], check=True, capture_output=True, text=True,
                stdin=subprocess.DEVNULL,
            ).stdout
        load.wait(30)
    finally:
        server.terminate()
        server.wait(30)
    kernel = user = metrics = 0
    for stack in samples(script):
        names = [name for _, name in stack]
        # The kernel has the upper half of the addresses.
        if stack[0][0] >> 63 and not is_for_metrics(names):
            kernel += 1
            continue
        user += 1
        metrics += is_for_metrics(names)
    if user < 1000:
        raise SystemExit(f"only {user} samples: sample for longer")
    print(f"{placement}: {100 * metrics / user:.2f} % of {user:,} samples in the program; {kernel:,} in the kernel")


if __name__ == "__main__":
    main()
