"""What the command line asked for, and how values are compared."""

import argparse
from collections.abc import Callable
from typing import Protocol, TypeVar

from .processes import Failure
from .results import Results

Value = TypeVar("Value")


class Loadable(Protocol):
    """Something to measure."""
    name: str


class Bench:
    """The rows that are wanted, how long and how often to measure, and the results so far."""

    def __init__(self, arguments: argparse.Namespace):
        self.only = [each for each in arguments.only.split(",") if each]
        self.seconds, self.repetitions = (1, 2) if arguments.quick else (arguments.seconds, arguments.repetitions)
        self.writes = arguments.write or not (self.only or arguments.quick)
        self.results = Results(f"{self.seconds} s x {self.repetitions}")

    def wants(self, name: str) -> bool:
        """Whether a row of this name was asked for."""
        return not self.only or any(name.startswith(each) for each in self.only)

    def wants_some(self, beginning: str) -> bool:
        """Whether some row whose name begins so was asked for."""
        return self.wants(beginning) or any(each.startswith(beginning) for each in self.only)

    def expand(self, group: str, names: list[str]) -> None:
        """A group's name asks for all of its rows."""
        if group in self.only:
            self.only.remove(group)
            self.only += names

    def finish(self) -> None:
        """Writes the results, if that was asked for, and fails when a threshold was exceeded."""
        if self.writes:
            self.results.write(is_whole=not self.only)
        if self.results.exceeded:
            raise Failure("; ".join(self.results.exceeded))

    def add(self, name: str, unit: str, values: list[float], baselines: list[float], baseline: str) -> None:
        """A row of the value and the baseline of each repetition; `baseline` says what the latter is."""
        if self.wants(name):
            self.results.add(name, unit, list(zip(values, baselines)), baseline)

    def add_alone(self, name: str, unit: str, values: list[float]) -> None:
        """A row without a baseline."""
        if self.wants(name):
            self.results.add(name, unit, [(value, None) for value in values], None)

    def pairs(
        self, subject: Loadable, baseline: Loadable, measure: Callable[[Loadable], Value]
    ) -> tuple[list[Value], list[Value]]:
        """Measures both in turn, A, B, A, B, ..., so that what drifts within minutes meets both."""
        values, baselines = [], []
        for _ in range(self.repetitions):
            baselines.append(measure(baseline))
            values.append(measure(subject))
        return values, baselines
