"""Rows for tests."""


def row(name, unit, runs, baseline_name="nginx -> nginx"):
    """A row as results.json holds it, from (value, baseline) pairs; without a baseline the second of each is None."""
    middle = sorted(runs)[len(runs) // 2]
    return {"name": name, "unit": unit, "value": middle[0], "baseline": middle[1], "runs": [list(run) for run in runs],
            "baseline_name": baseline_name if middle[1] is not None else None, "measured": "a day, a machine"}
