#!/usr/bin/env python3
"""Damages pictures at random, decodes them with Swerve and with Pillow, and says how often the two agree.

They agree when both refuse a file, or both read it and the pixels are the same. Differences that docs/IMAGES.md lists
are counted under the message that it quotes. The same seed makes the same files. Exit status: 0 when every difference
is a listed one, 1 otherwise.

Needs: make setup-test, and swift build --product decode-pictures.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import importlib.util
import re
import struct
import subprocess
import sys
from pathlib import Path

import damages

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000, help="damaged files of each format (default: 5000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=["jpeg", "png"], action="append", help="default: both")
    parser.add_argument("--keep", type=Path, help="a folder for the files with differences that are not listed")
    options = parser.parse_args()
    program = ROOT / ".build" / "debug" / "decode-pictures"
    if not program.is_file():
        print(f"compare-damage: {program} is missing: run swift build --product decode-pictures", file=sys.stderr)
        return 1
    golden = module("make-golden")
    unlisted = 0
    for kind in options.format or ["jpeg", "png"]:
        if kind == "jpeg":
            files = damages.jpegs(golden.picture)
        else:
            files = damages.pngs(golden.picture, golden.png, golden.png_chunk)
        unlisted += compare(kind, files, Decoder(program), options)
    return 1 if unlisted else 0


def module(name: str):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), ROOT / "dev" / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Decoder:
    """Swerve's decoder in another process."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def decode(self, data: bytes) -> dict:
        self.process.stdin.write(struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        width, height, length = struct.unpack("<III", self.process.stdout.read(12))
        content = self.process.stdout.read(length)
        if width == 0:
            return {"refused": content.decode()}
        return {"width": width, "height": height, "digest": hashlib.sha256(content).hexdigest()}


def listed_messages() -> list[str]:
    """The messages of Swerve that the table in docs/IMAGES.md quotes for files that Pillow reads."""
    rows = (line.split("|") for line in (ROOT / "docs" / "IMAGES.md").read_text().splitlines())
    return [row[2].split("`")[1] for row in rows if len(row) == 6 and "`" in row[2] and row[3].strip().startswith("reads")]


def compare(kind: str, files: dict[str, bytes], decoder: Decoder, options) -> int:
    messages = listed_messages()
    counts, listed, unlisted = collections.Counter(), collections.Counter(), []
    for name, data in damages.damages(files, options.count, options.seed):
        ours, pillow = decoder.decode(data), damages.outcome(data)
        if "refused" in ours and "refused" in pillow:
            counts["both refuse"] += 1
        elif ours == pillow:
            counts["both read, same pixels"] += 1
        else:
            counts["differ"] += 1
            reason = None
            if "refused" in ours:
                reason = next((message for message in messages if message in ours["refused"]), None)
            elif "refused" not in pillow and "progressive" in name:
                reason = "smoothing of an incomplete progressive file, by another version of libjpeg-turbo"
            if reason:
                listed[reason] += 1
            else:
                unlisted.append((name, ours.get("refused", "reads"), pillow.get("refused", "reads")))
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / re.sub(r"[^\w-]+", "-", f"{kind} {name}")).write_bytes(data)
    print(f"{kind}, seed {options.seed}: {options.count} damaged files; " + ", ".join(f"{n} {k}" for k, n in counts.items()))
    for reason, count in listed.most_common():
        print(f"  listed, {count}: {reason}")
    for name, ours, pillow in unlisted:
        print(f"  not listed: {name}: Swerve {ours}; Pillow {pillow}")
    return len(unlisted)


if __name__ == "__main__":
    sys.exit(main())
