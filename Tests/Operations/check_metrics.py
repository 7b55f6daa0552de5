#!/usr/bin/env python3
"""Checks the metrics of a loaded instance with Prometheus' own programs.

`promtool check metrics` reads both text formats' common part and says what it finds wrong, but for remarks on names that
Ray Serve chose (docs/METRICS.md lists them). Then a Prometheus scrapes the instance while requests go on and replicas are
killed, and its answers to the questions of Ray's Grafana boards are compared with what was sent.

    Tests/Operations/check_metrics.py .build/debug/metrics-app
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

# Remarks on names, not on the text.
ALLOWED = [
    re.compile(r"metric names should not contain abbreviated units"),
    re.compile(r"use base unit \"seconds\" instead of \"(milli)?seconds\""),
    re.compile(r"use base unit"),
    re.compile(r"non-histogram and non-summary metrics should not have \"_count\""),
    re.compile(r"metric name should not include type|metric names should not include"),
    re.compile(r"no help text"),
]
NO_HELP = "no help text"


def get(url, headers=None, timeout=10):
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers.get("content-type"), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("content-type"), error.read().decode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise SystemExit(f"not within {seconds} s: {what}")


def check_text(text, promtool):
    """promtool's remarks that docs/METRICS.md does not list."""
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    lines = (result.stdout + result.stderr).splitlines()
    wrong = []
    for line in lines:
        own = not line.startswith(("ray_serve_", "swerve_"))
        allowed = any(rule.search(line) for rule in ALLOWED)
        # Only metrics of user code and those of ended replicas have no help.
        if NO_HELP in line and not own and "swerve_ended_" not in line:
            allowed = False
        if line and not allowed:
            wrong.append(line)
    return wrong, len(lines)


class Prometheus:
    def __init__(self, program, target, folder):
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            "scrape_configs:\n"
            "  - job_name: swerve\n"
            "    metrics_path: /-/metrics\n"
            f"    static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
        )
        self.log = open(folder / "prometheus.log", "w")
        self.process = subprocess.Popen(
            [
                program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage",
            ],
            stdout=self.log, stderr=self.log,
        )

    def ask(self, query):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            status, _, body = get(url)
        except OSError:
            return None
        if status != 200:
            raise SystemExit(f"Prometheus refuses {query}: {body}")
        return json.loads(body)["data"]["result"]

    def value(self, query):
        result = self.ask(query)
        return float(result[0]["value"][1]) if result else None

    def own(self, name):
        """A metric of Prometheus itself."""
        lines = get(f"http://127.0.0.1:{self.port}/metrics")[2].splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))

    def exemplars(self, query):
        now = time.time()
        url = f"http://127.0.0.1:{self.port}/api/v1/query_exemplars?" + urllib.parse.urlencode(
            {"query": query, "start": now - 600, "end": now + 60}
        )
        return json.loads(get(url)[2])["data"]

    def targets(self):
        try:
            body = get(f"http://127.0.0.1:{self.port}/api/v1/targets")[2]
        except OSError:
            return []
        return json.loads(body)["data"]["activeTargets"]

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


def children(process):
    """Of all of its threads: each has those that it started."""
    lists = pathlib.Path(f"/proc/{process}/task").glob("*/children")
    return sorted(int(word) for each in lists for word in each.read_text().split())


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    programs = {name: shutil.which(name) for name in ("prometheus", "promtool")}
    if None in programs.values():
        raise SystemExit("prometheus and promtool are missing: dev/setup.sh operations")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="swerve-metrics-"))
    app = subprocess.Popen([sys.argv[1], "2"], stdout=subprocess.PIPE, text=True)
    prometheus = None
    try:
        port = int(app.stdout.readline().split()[1])
        base = f"http://127.0.0.1:{port}"
        counts = {"ok": 0, "wrong": 0}
        counting = threading.Lock()

        def load(count):
            for number in range(count):
                status = get(f"{base}/{number if number % 10 else 'x'}", {"x-request-id": f"check-{number}"})[0]
                with counting:
                    counts["ok" if status == 200 else "wrong"] += 1

        load(50)
        status, kind, text = get(f"{base}/-/metrics")
        assert status == 200 and kind.startswith("text/plain; version=0.0.4"), (status, kind)
        wrong, remarks = check_text(text, programs["promtool"])
        assert not wrong, "promtool: " + "\n".join(wrong)
        status, kind, opened = get(f"{base}/-/metrics", {"accept": "application/openmetrics-text; version=1.0.0"})
        assert status == 200 and kind.startswith("application/openmetrics-text"), (status, kind)
        assert opened.endswith("# EOF\n") and '# {request_id="check-' in opened

        prometheus = Prometheus(programs["prometheus"], port, folder)
        until("the target is up", lambda: any(t["health"] == "up" for t in prometheus.targets()))
        threads = [threading.Thread(target=load, args=(300,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total = counts["ok"] + counts["wrong"]
        requests = 'sum(ray_serve_num_http_requests_total{application="check"})'
        until("Prometheus has all requests", lambda: prometheus.value(requests) == total)
        replicas = 'sum(ray_serve_deployment_request_counter_total{deployment="Doubler"})'
        until("and those of replicas", lambda: prometheus.value(replicas) == counts["ok"])

        # What Ray's boards ask.
        boards = [
            'sum(rate(ray_serve_num_http_requests_total{application=~".*",application!~"",route=~".*",route!~"/-/.*"}[5m])) by (application, route)',
            'histogram_quantile(0.99, sum(rate(ray_serve_deployment_processing_latency_ms_bucket{route=~".*",route!~"/-/.*"}[5m])) by (application, deployment, replica, le))',
            'sum(ray_serve_deployment_replica_healthy) by (application, deployment)',
            'sum(rate(ray_serve_deployment_request_counter_total{route=~".*",route!~"/-/.*"}[5m])) by (application, deployment, replica)',
            'sum(ray_serve_deployment_queued_queries) by (application, deployment)',
            'sum(ray_serve_replica_processing_queries) by (application, deployment, replica)',
        ]
        for query in boards:
            assert prometheus.ask(query), f"no answer to {query}"
        assert prometheus.exemplars("ray_serve_http_request_latency_ms_bucket"), "no exemplars"

        # A killed replica's counts are not lost, and the target stays up.
        victims = children(app.pid)
        os.kill(victims[0], signal.SIGKILL)
        load(50)
        total = counts["ok"] + counts["wrong"]
        until("Prometheus has the later requests", lambda: prometheus.value(requests) == total)
        until("nothing is lost", lambda: prometheus.value(replicas) == counts["ok"])
        down = [t for t in prometheus.targets() if t["health"] != "up" or t["lastError"]]
        assert not down, down
        dropped = prometheus.own("prometheus_target_scrapes_sample_duplicate_timestamp_total")
        assert dropped == 0, f"{dropped} samples were there twice"
        print(f"metrics: {text.count(chr(10))} lines, {remarks} remarks on names, {total} requests counted by Prometheus")
    finally:
        if prometheus:
            prometheus.end()
        app.terminate()
        app.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
