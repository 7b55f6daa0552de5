#!/usr/bin/env python3
"""Makes what is written from results.json: results.md, and the table in README.md.

  table.py --write   writes both; `make bench-table`
  table.py --check   ends with status 1 when one of them differs from results.json, or when README.md, docs or
                     results-header.md name a row that is not in results.json; `make check-table`, part of `make test`
"""

import argparse
import json
import sys
from pathlib import Path

from harness.comparison import Row
from harness.processes import ROOT, Failure
from harness.readme import between_markers, replaced, tables
from harness.readme_lines import PENDING
from harness.report import report
from harness.row_names import unknown_names

HEADER = "Benchmarks/harness/results-header.md"
AGAIN = "write it again with: make bench-table"


class Files:
    """The files of a checkout that are about the results."""

    def __init__(self, root: Path):
        self.root = root
        self.results = root / "Benchmarks" / "results.md"
        self.readme = root / "README.md"
        self.rows: list[Row] = json.loads((root / "Benchmarks" / "results.json").read_text())
        self.thresholds: dict[str, float] = json.loads((root / "Benchmarks" / "thresholds.json").read_text())

    def expected_results(self) -> str:
        return report((self.root / HEADER).read_text(), self.rows, self.thresholds)

    def write(self) -> None:
        table = tables(self.rows)
        self.readme.write_text(replaced(self.readme.read_text(), table))
        self.results.write_text(self.expected_results())

    def problems(self) -> list[str]:
        return self.table_problems() + self.name_problems()

    def table_problems(self) -> list[str]:
        problems = []
        if self.results.read_text() != self.expected_results():
            problems.append(f"Benchmarks/results.md differs from results.json; {AGAIN}")
        try:
            if between_markers(self.readme.read_text()) != tables(self.rows):
                problems.append(f"the table in README.md differs from Benchmarks/results.json; {AGAIN}")
        except Failure as failure:
            problems.append(str(failure))
        return problems

    def name_problems(self) -> list[str]:
        """Rows that are only named. Those that the next run will add count as there."""
        names = [*(row["name"] for row in self.rows), *PENDING]
        texts = [self.readme, *sorted((self.root / "docs").rglob("*.md")), self.root / HEADER]
        problems = [f"{path.relative_to(self.root)}: `{name}` is not in results.json" for path in texts
                    for name in unknown_names(path.read_text(), names, has_suffixes=path == self.root / HEADER)]
        problems += [f"Benchmarks/thresholds.json: `{name}` is not in results.json"
                     for name in self.thresholds if name not in names]
        return problems


def main(arguments: list[str], root: Path = ROOT) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true")
    action.add_argument("--check", action="store_true")
    files = Files(root)
    if parser.parse_args(arguments).write:
        return files.write()
    if problems := files.problems():
        raise Failure("\n".join(problems))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        sys.exit("\n".join(f"table: {line}" for line in str(failure).splitlines()))
