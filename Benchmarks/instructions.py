#!/usr/bin/env python3
"""What a request costs, and how much of it is for the metrics, in instructions: `bench-app` under callgrind.

One connection sends requests one after another. The share of the metrics is what the lines of SwerveMetrics and of the
files `…Metrics.swift` do, inlined into others or not, what they call, and the readings of the clock that the proxy needs
for them. Instructions in the kernel are not counted.

    swift build -c release --product bench-app
    Benchmarks/instructions.py .build/release/bench-app inProcess 5000
"""
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

METRICS = re.compile(r"/SwerveMetrics/|Metrics\.swift$")
CLOCK = re.compile(r"HTTPForward\.swift$"), re.compile(r"\.now\.getter|now\.getter|uptimeNanoseconds|clock_gettime")


class Profile:
    """A dump of callgrind: its total, and what belongs to the metrics."""

    def __init__(self, path):
        self.total = 0
        self.metrics = 0
        names = {}

        def name(text):
            number, _, rest = text.partition(" ")
            if number.startswith("("):
                if rest:
                    names[number] = rest
                return names.get(number, "")
            return text

        # Numbers of files and of functions are apart.
        files, functions = {}, {}
        file = function = called_file = called = ""
        is_call = False
        for line in path.read_text().splitlines():
            key, _, value = line.partition("=")
            if key in ("fl", "fi", "fe", "cfi", "cfl"):
                names = files
                if key in ("cfi", "cfl"):
                    called_file = name(value)
                else:
                    file = name(value)
            elif key in ("fn", "cfn"):
                names = functions
                if key == "cfn":
                    called = name(value)
                else:
                    function = name(value)
            elif key == "calls":
                is_call = True
            elif line[:1] in "0123456789+-*" and line:
                cost = int(line.split()[1])
                own = bool(METRICS.search(file))
                if is_call:
                    to_metrics = bool(METRICS.search(called_file or file))
                    clock = bool(CLOCK[0].search(file)) and bool(CLOCK[1].search(called))
                    if own and not to_metrics or clock:
                        self.metrics += cost
                else:
                    self.total += cost
                    if own:
                        self.metrics += cost
                is_call = False
                called_file = called = ""


class Server:
    def __init__(self, program, placement):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="swerve-instructions-"))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.process = subprocess.Popen(
            [
                "valgrind", "--tool=callgrind", f"--callgrind-out-file={self.folder}/out.%p", "--trace-children=yes",
                program, str(self.port), placement, "1", "loops=1",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.connection = self.connect()

    def connect(self):
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
                connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                if b" 200 " in connection.recv(65536):
                    return connection
                connection.close()
            except OSError:
                pass
            time.sleep(0.5)
        raise SystemExit("the server did not start")

    def ask(self, count):
        for _ in range(count):
            self.connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            answer = b""
            while not answer.endswith(b"ok"):
                answer += self.connection.recv(65536)

    def profiles(self):
        """What the processes have done since the last call."""
        known = set(self.folder.iterdir())
        children = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        processes = {self.process.pid} | {int(word) for each in children for word in each.read_text().split()}
        for process in processes:
            subprocess.run(["callgrind_control", "--dump", str(process)], check=True, capture_output=True)
        return [Profile(path) for path in set(self.folder.iterdir()) - known]

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    program, placement, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    server = Server(program, placement)
    try:
        server.ask(200)
        server.profiles()
        begin = time.monotonic()
        server.ask(count)
        taken = time.monotonic() - begin
        loaded = server.profiles()
        # What goes on without requests in the same time: the readings of each second, above all.
        time.sleep(taken)
        idle = server.profiles()
    finally:
        server.end()

    def each(attribute):
        return sum(getattr(one, attribute) for one in loaded), sum(getattr(one, attribute) for one in idle)

    (total, idle_total), (metrics, idle_metrics) = each("total"), each("metrics")
    request, share = (total - idle_total) / count, (metrics - idle_metrics) / count
    print(
        f"{placement}: {request:,.0f} instructions a request, {share:,.0f} of them for metrics ({100 * share / request:.2f} %); "
        f"idle {idle_total / taken / 1e6:,.2f} million a second"
    )


if __name__ == "__main__":
    main()
