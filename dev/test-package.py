#!/usr/bin/env python3
"""Makes the package that README.md shows, and runs its commands: the program must answer, linked either way.

The texts are taken from README.md as they stand, with two changes: the checkout is this one, and the port is a free one.
The package stays in .build-package, so that only the first run compiles everything.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".build-package"
HEADING = "## A package of your own"
# What a program that is linked statically with Swift's libraries may still need, as README.md says.
SYSTEM_LIBRARIES = {"linux-vdso", "ld-linux-x86-64", "ld-linux-aarch64", "libc", "libm", "libstdc++", "libgcc_s", "libz",
                    "libsqlite3"}
START_SECONDS = 60


def main() -> int:
    if sys.platform != "linux":
        print("package: skipped, Swerve runs on Linux only")
        return 0
    readme = (ROOT / "README.md").read_text()
    section = readme.split(HEADING, 1)[1].split("\n## ", 1)[0]
    port = free_port()
    make_package(manifest=only(section, "swift"), program=first(readme, "swift"), port=port)
    run_commands(only(section, "sh"), port)
    print("package: ok")
    return 0


def make_package(manifest: str, program: str, port: int) -> None:
    package = FOLDER / "hello"
    (package / "Sources" / "hello").mkdir(parents=True, exist_ok=True)
    checkout = FOLDER / "swerve"
    if not checkout.is_symlink():
        checkout.symlink_to("..")
    start = "\nlet handle = try await Serve.run("
    if start not in program:
        fail(f"the program in README.md has no line that begins with {start.strip()!r}")
    program = program.replace(start, f"\ntry await Serve.start(ServeOptions(port: {port})){start}", 1)
    write(package / "Package.swift", manifest)
    write(package / "Sources" / "hello" / "main.swift", program)


def run_commands(script: str, port: int) -> None:
    """Runs the lines of the script: a `curl` asks the program that the line before began to serve."""
    server: subprocess.Popen | None = None
    try:
        for line in script.splitlines():
            command, _, comment = (part.strip() for part in line.partition(" #"))
            if command.startswith("curl "):
                ask(command.replace("localhost:8000", f"localhost:{port}"), comment, server)
                stop(server)
            elif command.startswith("ldd "):
                check_libraries(command)
            elif command.startswith(("swift run", ".build")):
                build_first(command)
                server = subprocess.Popen(arguments(command), cwd=FOLDER / "hello", start_new_session=True)
            elif command.startswith("swift "):
                build(command)
            else:
                fail(f"README.md has a command that this script does not know: {command}")
    finally:
        stop(server)


def build_first(command: str) -> None:
    """Builds what `swift run` is about to run, to see its errors and its time apart from the program's."""
    if command.startswith("swift run"):
        build("swift build")


def build(command: str) -> None:
    start = time.monotonic()
    result = subprocess.run(arguments(command), cwd=FOLDER / "hello", capture_output=True, text=True)
    if result.returncode != 0:
        fail(f"{command} failed:\n{(result.stdout + result.stderr)[-4000:]}")
    print(f"package: {command} took {time.monotonic() - start:.0f} s")


def ask(command: str, expected: str, server: subprocess.Popen | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        answer = subprocess.run(shlex.split(command) + ["-sS"], capture_output=True, text=True)
        if answer.returncode == 0 and answer.stdout == expected:
            return
        if server is None or server.poll() is not None:
            fail(f"the program ended; {command} says {answer.stdout}{answer.stderr}")
        if time.monotonic() > deadline:
            fail(f"{command} answers {answer.stdout!r} {answer.stderr!r}, not {expected!r}")
        time.sleep(0.1)


def check_libraries(command: str) -> None:
    output = subprocess.run(shlex.split(command), cwd=FOLDER / "hello", capture_output=True, text=True, check=True).stdout
    names = {Path(line.split()[0]).name.split(".so")[0] for line in output.splitlines() if line.strip()}
    if not names <= SYSTEM_LIBRARIES:
        fail(f"the static program needs more than README.md says: {', '.join(sorted(names - SYSTEM_LIBRARIES))}")


def stop(server: subprocess.Popen | None) -> None:
    """Ends the program as a service manager does; it must exit without an error."""
    if server is None or server.returncode is not None:
        return
    wait_for_handler(server)
    server.send_signal(signal.SIGTERM)
    try:
        status = server.wait(timeout=60)
    except subprocess.TimeoutExpired:
        server.kill()
        fail("the program does not end after SIGTERM")
    if status != 0:
        fail(f"the program exited with status {status}")


def wait_for_handler(server: subprocess.Popen) -> None:
    """Waits until the program has reached `Serve.waitForShutdownSignal()`: it answers a moment before that already."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and not handles(server.pid, signal.SIGTERM):
        if time.monotonic() > deadline:
            server.kill()
            fail("the program does not wait for SIGTERM")
        time.sleep(0.01)


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether the signal no longer ends the process: it is caught or ignored, with a watcher of its own."""
    masks = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return any(int(masks[name], 16) >> (number - 1) & 1 for name in ("SigCgt", "SigIgn"))


def arguments(command: str) -> list[str]:
    words = shlex.split(command)
    return [os.environ.get("SWIFT", "swift"), *words[1:]] if words[0] == "swift" else words


def only(text: str, language: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if len(blocks) != 1:
        fail(f"'{HEADING}' in README.md has {len(blocks)} blocks of {language}, not 1")
    return blocks[0]


def first(text: str, language: str) -> str:
    return re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]


def write(path: Path, text: str) -> None:
    """Leaves an equal file alone, so that it is not compiled again."""
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fail(message: str) -> None:
    print(f"package: {message}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
