"""The benchmark's tables in README.md, between two comments."""

from collections.abc import Set

from .comparison import Row, ratios, verdict
from .processes import Failure
from .readme_lines import PENDING, TABLES, Line
from .report import table_line

BEGIN = "<!-- Written by `make bench-table` from Benchmarks/results.json. -->"
END = "<!-- The end of what `make bench-table` writes. -->"

UNITS = {"req/s": "requests/s", "items/s": "elements/s", "us": "µs"}

Tables = dict[str, list[Line]]


def tables(rows: list[Row], wanted: Tables = TABLES, pending: Set[str] = PENDING) -> str:
    """All tables, without the lines of pending rows. Fails with every line that does not fit the results."""
    by_name = {row["name"]: row for row in rows}
    problems = [f"`{line.row}` {problem}" for lines in wanted.values() for line in lines
                if line.row not in pending and (problem := problem_of(by_name.get(line.row)))]
    problems += [f"`{name}` is in results.json now: remove it from PENDING" for name in sorted(pending & by_name.keys())]
    if problems:
        raise Failure("\n".join(f"harness/readme_lines.py: {problem}" for problem in problems))
    shown = {subject: [line for line in lines if line.row not in pending] for subject, lines in wanted.items()}
    measured = dict.fromkeys(by_name[line.row]["measured"] for lines in shown.values() for line in lines)
    return "\n".join([
        *[table(subject, lines, by_name) for subject, lines in shown.items()],
        f"Measured: {'; '.join(measured)} (seconds of a measurement x repetitions).\n",
    ])


def problem_of(row: Row | None) -> str | None:
    if row is None:
        return "is not in results.json: remove its line, or measure it"
    return "has no baseline to stand beside it" if row["baseline"] is None else None


def table(subject: str, lines: list[Line], by_name: dict[str, Row]) -> str:
    text = table_line(["", subject, "beside it", "ratio (quartiles)", "verdict"]) + "|---|---:|---|---|---|\n"
    return text + "".join(table_line(cells(line, by_name[line.row])) for line in lines)


def cells(line: Line, row: Row) -> list[str]:
    beside = (line.beside or row["baseline_name"]).replace("->", "→")
    return [line.text, amount(row["value"], row["unit"]), f"{amount(row['baseline'], row['unit'])}: {beside}",
            str(ratios(row)), verdict(row)]


def amount(number: float, unit: str) -> str:
    """Three significant digits, or a whole number from 1000 on, with the unit."""
    digits = f"{round(number):,}" if abs(number) >= 1000 else f"{number:.3g}"
    return f"{digits} {UNITS.get(unit, unit)}"


def between_markers(readme: str) -> str:
    """What README holds now."""
    return parts_of(readme)[1]


def replaced(readme: str, text: str) -> str:
    """README with other text between the markers."""
    before, _, after = parts_of(readme)
    return f"{before}{BEGIN}\n{text}{END}{after}"


def parts_of(readme: str) -> tuple[str, str, str]:
    before, begin, rest = readme.partition(BEGIN + "\n")
    inside, end, after = rest.partition(END)
    if not begin or not end:
        raise Failure(f"README.md lacks the line {END if begin else BEGIN}")
    return before, inside, after
