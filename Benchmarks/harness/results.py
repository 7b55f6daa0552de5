"""Rows of results, and the files they go to."""

import datetime
import json
import os
import statistics
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
JSON_FILE = FOLDER / "results.json"
TABLE_FILE = FOLDER / "results.md"

# Units of which more is better; of the others, times and sizes, less is.
RATES = {"req/s", "calls/s", "images/s"}

HEADER = """# Benchmark results

Written by `Benchmarks/run.py` (`make bench`).

* All servers of a group run at the same time and are loaded one after another, repetition by repetition, because the
  speed of a machine drifts within minutes. `ratio` is the median over the repetitions of value / baseline of the same
  repetition; `value` and `baseline` are medians of their own. Differences below about 15 % are noise.
* Load generator and servers share the machine. HTTP load is `wrk -t1`; the baseline of a row without a suffix or of
  `.process`, `.process2`, `.inprocess`, `.hummingbird` is nginx that proxies to another nginx over a Unix socket, each
  with one worker. `.process` is one replica in a process of its own, `.process2` two, `.inprocess` one in the process
  that has the socket. `.hummingbird` is a plain Hummingbird server of one process.
* `_front_cpu` and `_replica_cpu`: CPU time per request of the process that has the socket and of the one that answers.
* `handle_call_p50` and `handle_calls_100` (1 and 100 calls outstanding, 200 bytes each way): the baseline is 200 bytes
  sent back and forth over a Unix socket with NIO; of `handle_call.inprocess`, a call of a plain actor.
* `echo_1mb_c8`: POST of 1 MiB that comes back, 8 connections; baseline: the nginx pair, buffering in memory.
* `graph_*`: a graph; baseline: the same calls written by hand in an ingress. Both read an integer from JSON and answer
  JSON, and everything is in processes of its own (`.process`) or in the one that has the socket (`.inprocess`).
  `graph_chain3`: three no-op nodes, one after the other; `graph_fan8`: eight at the same time; requests per second with
  32 connections. `_p50`: the latency of a lone request. `_added`: the difference of both, and `ratio` its share of the
  latency by hand. `graph_large_4mib`: 4 MiB made by one node and given to the next, latency of a lone request.
* `segformer_b0_http`: 512x512 JPEG in, PNG out; baseline: the bare ONNX Runtime loop in Python with a fixed tensor.
* `segformer_b0_load`: from the name of a repository in the hub's cache to a model that can run; baseline: processor of
  transformers and ONNX Runtime in Python, imports done. `_load_process`: the same from the start of the process to its
  end, imports included. `segformer_b0_stage_*`: each stage alone on a picture of 1920x1080, one thread; baseline: Pillow,
  transformers, ONNX Runtime in Python and torch (post-processing). `segformer_b0_pss_*`: memory of 1 and 4 replicas that
  have worked: in processes of their own, with the one that leads them, or in one process; baseline: as many Python
  processes.
* `cold_start`: from the start of the process to the first 200. `replica_kill_recovery`: from the end of a killed
  replica (nginx: of the killed backend worker) to the next 200. `add_replica`: one more replica of a running
  application; baseline: to start a process of the same executable and exchange one message with it.
* `idle_pss`: memory of all processes with one no-op replica, shared pages divided by their users.
"""


def machine():
    """The machine and the day, in words."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores, {model}"


class Results:
    """Collects rows; a row replaces an older one of the same name in the files."""

    def __init__(self, how):
        self.measured = f"{machine()}, {how}"
        self.rows = []

    def add(self, name, unit, pairs):
        """A row from the (value, baseline) of each repetition."""
        row = {
            "name": name,
            "unit": unit,
            "value": rounded(statistics.median(value for value, _ in pairs)),
            "baseline": rounded(statistics.median(baseline for _, baseline in pairs)),
            "ratio": rounded(statistics.median(value / baseline for value, baseline in pairs if baseline)),
            "runs": [[rounded(value), rounded(baseline)] for value, baseline in pairs],
            "measured": self.measured,
        }
        self.rows.append(row)
        print(f"{name:38} {row['value']:>12} {unit:9} baseline {row['baseline']:>12}  ratio {row['ratio']}", flush=True)

    def write(self):
        old = json.loads(JSON_FILE.read_text()) if JSON_FILE.exists() else []
        new = {row["name"]: row for row in self.rows}
        rows = [new.pop(row["name"], row) for row in old] + list(new.values())
        JSON_FILE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
        TABLE_FILE.write_text(table(rows))


def rounded(number):
    return float(f"{number:.4g}") if abs(number) < 1000 else round(number)


def table(rows):
    """One table per machine and day."""
    text = HEADER
    for measured in dict.fromkeys(row["measured"] for row in rows):
        text += f"\n## {measured}\n\n| name | value | baseline | unit | ratio | better | ratio of each repetition |\n"
        text += "|---|---:|---:|---|---:|---|---|\n"
        for row in (row for row in rows if row["measured"] == measured):
            ratios = ", ".join(str(rounded(value / baseline)) for value, baseline in row["runs"] if baseline)
            better = "more" if row["unit"] in RATES else "less"
            text += (f"| `{row['name']}` | {row['value']} | {row['baseline']} | {row['unit']} | {row['ratio']} "
                     f"| {better} | {ratios} |\n")
    return text
