"""The text of results.md, made from the rows of results.json."""

from .comparison import Row, baselines, ratios, values, verdict

HEADINGS = ["name", "value (quartiles)", "unit", "baseline (quartiles)", "beside it", "ratio (quartiles)", "verdict"]
NOTHING = "—"


def report(header: str, rows: list[Row], thresholds: dict[str, float]) -> str:
    """The header, then one table per machine and day."""
    text = header
    for measured in dict.fromkeys(row["measured"] for row in rows):
        text += f"\n## {measured}\n\n" + table_line(HEADINGS) + "|---|---:|---|---:|---|---|---|\n"
        text += "".join(table_line(cells(row, thresholds)) for row in rows if row["measured"] == measured)
    return text


def cells(row: Row, thresholds: dict[str, float]) -> list[str]:
    """A row without a baseline says so, and names its threshold if it has one."""
    baseline, ratio, name = baselines(row), ratios(row), row["name"]
    beside = row["baseline_name"] or (f"threshold: {thresholds[name]}" if name in thresholds else "no baseline")
    return [
        f"`{name}`", f"{row['value']} {values(row).spread}", row["unit"],
        f"{row['baseline']} {baseline.spread}" if baseline else NOTHING, beside,
        str(ratio) if ratio else NOTHING, verdict(row) or NOTHING,
    ]


def table_line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"
