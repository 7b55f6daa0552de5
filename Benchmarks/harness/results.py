"""Rows of results, and the files they go to."""

import datetime
import json
import os
import statistics
from pathlib import Path

from .comparison import Row, ratios, rounded, values, verdict
from .report import report

FOLDER = Path(__file__).resolve().parents[1]
JSON_FILE = FOLDER / "results.json"
TABLE_FILE = FOLDER / "results.md"
HEADER_FILE = FOLDER / "harness" / "results-header.md"
THRESHOLDS_FILE = FOLDER / "thresholds.json"

# Beginnings of rows that a whole run may leave out: another program measures them, or they need a model or Ray.
OPTIONAL = ("peers.", "segformer", "course")


def machine() -> str:
    """The machine and the day, in words."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores, {model}"


class Results:
    """Collects rows; a row replaces an older one of the same name in the files."""

    def __init__(self, how: str):
        self.measured = f"{machine()}, {how}"
        self.rows: list[Row] = []
        self.thresholds: dict[str, float] = json.loads(THRESHOLDS_FILE.read_text())
        self.exceeded: list[str] = []

    def add(self, name: str, unit: str, pairs: list[tuple[float, float | None]], baseline: str | None) -> None:
        """A row from the (value, baseline) of each repetition."""
        row: Row = {
            "name": name,
            "unit": unit,
            "value": rounded(statistics.median(value for value, _ in pairs)),
            "baseline": rounded(statistics.median(each for _, each in pairs if each is not None)) if baseline else None,
            "baseline_name": baseline,
            "runs": [[rounded(value), each if each is None else rounded(each)] for value, each in pairs],
            "measured": self.measured,
        }
        self.rows.append(row)
        text = f"{name:38} {row['value']:>9} {unit:8}"
        if baseline:
            text += f" {baseline}: {row['baseline']}; ratio {ratios(row)}, {verdict(row)}"
        else:
            text += f" {values(row).spread}"
        print(text, flush=True)
        if row["value"] > self.thresholds.get(name, float("inf")):
            self.exceeded.append(f"{name} is {row['value']} {unit}; its threshold is {self.thresholds[name]}")

    def write(self, is_whole: bool) -> None:
        old: list[Row] = json.loads(JSON_FILE.read_text()) if JSON_FILE.exists() else []
        rows = merged(old, self.rows, is_whole)
        JSON_FILE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
        TABLE_FILE.write_text(report(HEADER_FILE.read_text(), rows, self.thresholds))
        print("The table in README.md is older now; `make bench-table` writes it.", flush=True)


def merged(old: list[Row], new: list[Row], is_whole: bool) -> list[Row]:
    """New rows replace old ones of the same name. A whole run drops the other old rows, but keeps optional ones of a
    kind that it did not measure at all."""
    if is_whole:
        skipped = tuple(each for each in OPTIONAL if not any(row["name"].startswith(each) for row in new))
        old = [row for row in old if row["name"].startswith(skipped)]
    by_name = {row["name"]: row for row in new}
    return [by_name.pop(row["name"], row) for row in old] + list(by_name.values())
