"""The bytes of requests and answers: a cycle of random bytes, the same as in soak-app, from an offset of each request's
own. What belongs to another request, or is moved, differs from what is due, and can be found in the cycle."""

import array
import sys

CYCLE = 4 << 20
MASK = (1 << 64) - 1


def cycle() -> bytes:
    words, state = array.array("Q"), 1
    for _ in range(CYCLE // 8):  # SplitMix64.
        state = (state + 0x9E3779B97F4A7C15) & MASK
        word = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
        words.append(word ^ (word >> 31))
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


BYTES = cycle()
TWICE = BYTES * 2


def pattern(offset: int, count: int) -> bytes:
    if count <= CYCLE:
        return TWICE[offset:offset + count]
    return (BYTES * (count // CYCLE + 2))[offset:offset + count]


def difference(due: bytes, got: bytes) -> str:
    """Where the bytes begin to differ, and what is there instead."""
    if len(due) != len(got) and (due.startswith(got) or got.startswith(due)):
        return f"{len(got)} bytes instead of {len(due)}"
    low, high = 0, min(len(due), len(got))
    while low < high:  # The first `low` bytes are equal, those up to `high` are not.
        middle = (low + high + 1) // 2
        if due[low:middle] == got[low:middle]:
            low = middle
        else:
            high = middle - 1
    found = TWICE.find(got[low:low + 12]) if len(got) - low >= 12 else -1
    origin = f"those from {found} of the pattern" if found >= 0 else "bytes that are not of the pattern"
    return f"{len(got)} bytes, {len(due)} are due; from {low} on {origin}: {got[low:low + 24]!r}"
