"""The statistics of a row: medians, quartiles and the verdict. Pure, so that they can be tested without a benchmark."""

import statistics
from dataclasses import dataclass
from typing import Any

# A row as results.json holds it; `Results.add` says what is in it.
Row = dict[str, Any]

# Units of which more is better. Of all others (times, sizes, counts) less is better.
RATES = {"req/s", "calls/s", "images/s", "items/s", "% in time"}
BETTER, WORSE, SAME = "better", "worse", "same"


def rounded(number: float) -> float:
    """Four significant digits, or a whole number from 1000 on."""
    return float(f"{number:.4g}") if abs(number) < 1000 else round(number)


@dataclass(frozen=True)
class Quartiles:
    first: float
    median: float
    third: float

    @classmethod
    def of(cls, numbers: list[float]) -> "Quartiles":
        """The quartiles, rounded as they are printed: a verdict never contradicts the numbers beside it."""
        if len(numbers) == 1:
            return cls(*[rounded(numbers[0])] * 3)
        return cls(*map(rounded, statistics.quantiles(numbers, n=4, method="inclusive")))

    @property
    def spread(self) -> str:
        return f"({self.first} to {self.third})"

    def __str__(self) -> str:
        return f"{self.median} {self.spread}"


def values(row: Row) -> Quartiles:
    return Quartiles.of([value for value, _ in row["runs"]])


def baselines(row: Row) -> Quartiles | None:
    """Nothing for a row without a baseline."""
    return None if row["baseline"] is None else Quartiles.of([baseline for _, baseline in row["runs"]])


def ratios(row: Row) -> Quartiles | None:
    """Value / baseline of each repetition; nothing for a row without a baseline."""
    if row["baseline"] is None:
        return None
    return Quartiles.of([value / baseline for value, baseline in row["runs"] if baseline != 0])


def verdict(row: Row) -> str:
    """Better or worse only when both quartiles of the ratio lie on one side of 1."""
    ratio = ratios(row)
    if ratio is None:
        return ""
    if ratio.first <= 1 <= ratio.third:
        return SAME
    return BETTER if (ratio.first > 1) == (row["unit"] in RATES) else WORSE
