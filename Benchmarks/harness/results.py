"""Rows of results, and the files they go to."""

import datetime
import json
import os
import statistics
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
JSON_FILE = FOLDER / "results.json"
TABLE_FILE = FOLDER / "results.md"
HEADER_FILE = FOLDER / "harness" / "results-header.md"
THRESHOLDS_FILE = FOLDER / "thresholds.json"

# What other programs measure, or needs a model.
OPTIONAL = ("peers.", "segformer")
# Units of which more is better; of the others, times, sizes and counts, less is.
RATES = {"req/s", "calls/s", "images/s"}

Row = dict[str, Any]


def machine() -> str:
    """The machine and the day, in words."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores, {model}"


def rounded(number: float) -> float:
    return float(f"{number:.4g}") if abs(number) < 1000 else round(number)


def quartiles(numbers: list[float]) -> tuple[float, float, float]:
    """The first quartile, the median and the third."""
    if len(numbers) == 1:
        return numbers[0], numbers[0], numbers[0]
    first, second, third = statistics.quantiles(numbers, n=4, method="inclusive")
    return first, second, third


def compared(row: Row) -> list[float]:
    """What the verdict is about: the ratios, or the values of a row without a baseline."""
    return [value / baseline if baseline is not None else value for value, baseline in row["runs"] if baseline != 0]


def verdict(row: Row) -> str:
    """In which direction the middle half of the ratios lies, if it lies on one side."""
    if row["baseline"] is None:
        return ""
    first, _, third = quartiles(compared(row))
    if first <= 1 <= third:
        return "within the spread"
    return "better" if (first > 1) == (row["unit"] in RATES) else "worse"


def spread(row: Row) -> str:
    first, middle, third = (rounded(number) for number in quartiles(compared(row)))
    return f"{middle} ({first} to {third})"


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
            text += f" {baseline}: {row['baseline']}; ratio {spread(row)}, {verdict(row)}"
        else:
            text += f" {spread(row)}"
        print(text, flush=True)
        if row["value"] > self.thresholds.get(name, float("inf")):
            self.exceeded.append(f"{name} is {row['value']} {unit}; its threshold is {self.thresholds[name]}")

    def write(self, is_whole: bool) -> None:
        """A whole run drops rows that no longer exist, and keeps those that it may leave out."""
        old: list[Row] = json.loads(JSON_FILE.read_text()) if JSON_FILE.exists() else []
        if is_whole:
            old = [row for row in old if row["name"].startswith(OPTIONAL)]
        new = {row["name"]: row for row in self.rows}
        rows = [new.pop(row["name"], row) for row in old] + list(new.values())
        JSON_FILE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
        TABLE_FILE.write_text(table(rows))


def table(rows: list[Row]) -> str:
    """One table per machine and day."""
    text = HEADER_FILE.read_text()
    for measured in dict.fromkeys(row["measured"] for row in rows):
        text += f"\n## {measured}\n\n| name | value | unit | baseline | | ratio (quartiles) | |\n"
        text += "|---|---:|---|---:|---|---|---|\n"
        for row in (row for row in rows if row["measured"] == measured):
            baseline = "" if row["baseline"] is None else row["baseline"]
            text += (f"| `{row['name']}` | {row['value']} | {row['unit']} | {baseline} "
                     f"| {row.get('baseline_name') or ''} | {spread(row)} | {verdict(row)} |\n")
    return text
