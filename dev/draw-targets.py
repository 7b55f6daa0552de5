#!/usr/bin/env python3
"""Draws which target imports which into docs/ARCHITECTURE.md: `make graph-targets`; with --check, only compares.

Edges that follow from others are left out, so that the picture stays readable.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "ARCHITECTURE.md"
BEGIN, END = "<!-- targets: drawn by make graph-targets -->", "<!-- targets end -->"
IMPORT = re.compile(r"^\s*(?:@\w+\s+)?(?:internal|package|public) import (?:class |struct |func )?(\w+)", re.MULTILINE)


def imports():
    """The targets that each target's sources import."""
    names = {folder.name for folder in (ROOT / "Sources").iterdir() if folder.is_dir()}
    used = {}
    for name in names:
        found = set()
        for file in (ROOT / "Sources" / name).rglob("*.swift"):
            found |= set(IMPORT.findall(file.read_text())) & names
        used[name] = found - {name}
    # A macro's declaration names its plugin in a string.
    used["SwerveMacros"].add("SwerveMacrosPlugin")
    return used


def reachable(used, start):
    seen, todo = set(), list(used[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += used[name]
    return seen


def reduced(used):
    """Without the edges that lead where a longer way leads, too."""
    return {
        name: {
            target
            for target in targets
            if not any(target in reachable(used, other) for other in targets if other != target)
        }
        for name, targets in used.items()
    }


def drawing():
    used = reduced(imports())
    lines = ["```mermaid", "graph TD"]
    lines += [f"    {name} --> {target}" for name in sorted(used) for target in sorted(used[name])]
    return "\n".join([BEGIN, *lines, "```", END])


def main():
    text = PAGE.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{PAGE} lacks the lines '{BEGIN}' and '{END}'")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    wanted = before + drawing() + after
    if "--check" not in sys.argv:
        PAGE.write_text(wanted)
    elif wanted != text:
        sys.exit("docs/ARCHITECTURE.md does not show the targets as they are: run 'make graph-targets'")


if __name__ == "__main__":
    main()
