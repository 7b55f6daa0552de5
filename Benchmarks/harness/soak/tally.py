"""What came of the requests."""

import time
from collections import Counter
from dataclasses import dataclass, field

from .pattern import difference
from .wire import Answer, Cut

# How long after the end of a replica a request of its application may still fail because of it.
KILL_SECONDS = 3.0
NOTES = 40


@dataclass
class Request:
    """A request of a client that behaves, and the answer that is due."""
    application: str
    wire: bytes
    due: bytes
    number: str
    what: str
    pace: int | None = None
    started: float = 0.0


@dataclass
class Tally:
    """The verdicts. `answered` counts the right answers; all of the others must stay 0, except `by_kill`."""
    answered: int = 0
    wrong: int = 0
    lost: int = 0
    hung: int = 0
    failed: int = 0
    by_kill: int = 0
    bytes: int = 0
    others: Counter[str] = field(default_factory=Counter)
    generations: dict[str, set[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kills: dict[str, list[float]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def faults(self) -> int:
        return self.wrong + self.lost + self.hung + self.failed

    def note(self, kind: str, what: str) -> None:
        if len(self.notes) < NOTES:
            self.notes.append(f"{time.monotonic() - self.began:7.1f} s  {kind}: {what}")

    def killed(self, application: str) -> None:
        self.kills.setdefault(application, []).append(time.monotonic())

    def is_due_to_a_kill(self, request: Request) -> bool:
        return any(at >= request.started - KILL_SECONDS for at in self.kills.get(request.application, []))

    # The verdicts on one request.

    def take(self, request: Request, answer: Answer) -> None:
        if answer.status == 200:
            self.check(request, answer)
        elif answer.status in (502, 503) and self.is_due_to_a_kill(request):
            self.by_kill += 1
        else:
            self.failed += 1
            self.note("failed", f"{request.what}: {answer.status} {answer.body[:200]!r}")

    def check(self, request: Request, answer: Answer) -> None:
        number = answer.headers.get("x-request-id")
        if answer.body != request.due:
            self.is_wrong(request, difference(request.due, answer.body))
        elif number != request.number:
            self.is_wrong(request, f"it carries the id {number!r} instead of {request.number!r}")
        else:
            self.answered += 1
            self.bytes += len(answer.body)
            if generation := answer.headers.get("x-generation"):
                self.generations.setdefault(request.application, set()).add(generation)

    def is_wrong(self, request: Request, why: str) -> None:
        self.wrong += 1
        self.note("wrong", f"{request.what}: {why}")

    def cut(self, request: Request, cut: Cut) -> None:
        """An answer that has begun cannot become a 502: a killed replica cuts it."""
        if cut.begun and self.is_due_to_a_kill(request):
            self.by_kill += 1
        else:
            self.lost += 1
            self.note("lost", f"{request.what}: cut {cut}")

    def is_hung(self, what: str) -> None:
        self.hung += 1
        self.note("hung", what)
