"""Finds names of rows in prose that results.json does not have."""

import re
from collections.abc import Iterable

# How the names of rows begin. Other words in backticks are not about the benchmark.
FAMILIES = re.compile(
    r"http_noop|direct_noop|two_loops|echo_1mb|batch32|batch_adaptive|course_|stream_(items|first)|handle_calls?[_.]|add_replica"
    r"|allocations\.|graph_(chain|fan|large|\*)|segformer_b0"
    r"|cold_start|scale_(up|from_zero)|rollout_10|controller_(idle|gap)|control_1000|replica_kill_recovery|idle_pss|peers\.")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\s]+)`")
# Words that begin like a suffix of a row and are the ends of files' names.
FILE_SUFFIXES = {".npy", ".json", ".md"}


def unknown_names(text: str, names: Iterable[str], has_suffixes: bool = False) -> list[str]:
    """Words in backticks that look like rows and fit none of the names. With `has_suffixes`, words like `_p50` and
    `.process` are taken for the ends of names, too."""
    known = list(names)
    words = dict.fromkeys(QUOTED.findall(FENCED.sub("", text)))
    return [word for word in words if is_name(word, has_suffixes) and not any(fits(word, name) for name in known)]


def is_name(word: str, has_suffixes: bool) -> bool:
    if FAMILIES.match(word):
        return True
    return has_suffixes and bool(re.match(r"(\.\.\.)?[._]\w", word)) and word not in FILE_SUFFIXES


def fits(word: str, name: str) -> bool:
    """Whether the word is the name, or whole parts from its beginning; for a suffix, whole parts of it. `N` stands for
    a number and `*` for anything."""
    is_suffix = word.startswith((".", "_"))
    pattern = re.escape(word.removeprefix("...")).replace(r"\*", ".*").replace("N", r"\d+")
    return bool((re.search if is_suffix else re.match)(pattern + r"(?=[._]|$)", name))
