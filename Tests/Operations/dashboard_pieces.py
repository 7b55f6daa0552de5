#!/usr/bin/env python3
"""The dashboard's views of what is hard to bring about, in Chromium: `make test-operations`.

usage: dashboard_pieces.py PROGRAM   (the built entry-dashboard)"""

import json
import sys
import unittest

from browser import HOSTILE, VIEWS, DashboardTest


def deployment(name, count=1, **fields):
    replicas = [{"id": f"{name}#{number}", "state": "running"} for number in range(1, count + 1)]
    return {
        "id": name, "state": "healthy", "message": "", "target": {"replicas": count, "decided_by": "user", "reason": ""},
        "options": {}, "replicas": replicas, **fields,
    }


def application(name, *deployments, **fields):
    named = {one["id"].removeprefix(f"{name}/"): one for one in deployments}
    return {"name": name, "state": "running", "message": "", "deployments": named, **fields}


def status(*applications):
    instance = {"process_id": 1, "started_at": "2026-01-01T00:00:00Z", "now": "2026-01-01T01:00:00Z"}
    return {"instance": instance, "applications": {one["name"]: one for one in applications}}


class Pieces(DashboardTest):
    def show(self, view, status, answers=None):
        """Draws a view of a status and of answers by path, and returns its text."""
        return self.browser.driver.execute_async_script(
            """
            const [view, status, answers, done] = arguments;
            location.hash = view;
            import("/model.js").then(({ model, take }) => {
                for (const [path, data] of Object.entries(JSON.parse(answers))) {
                    model.fetched.set(path, { data, error: null, at: Infinity });
                }
                take(JSON.parse(status));
                requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelector("main").innerText)));
            });
            """,
            view, json.dumps(status), json.dumps(answers or {}),
        )

    def setUp(self):
        super().setUp()
        self.browser.open(self.program)

    def test_names_and_messages_are_text_everywhere(self):
        hostile = deployment(
            f"{HOSTILE}/{HOSTILE}", 2, state=HOSTILE, message=HOSTILE,
            target={"replicas": 2, "decided_by": "policy", "reason": HOSTILE},
            pending={"count": 1, "reason": f"needs {HOSTILE}", "since": "2026-01-01T00:59:00Z"},
            autoscaling={
                "policy": HOSTILE, "min_replicas": 1, "max_replicas": 2, "load": {"ongoing": 0, "queued": 0}, "wanted": 1,
                "last_decision": HOSTILE,
            },
        )
        shown = status(application(HOSTILE, hostile, message=HOSTILE, state=HOSTILE))
        answers = {
            "/api/v1/series": {"fine": {"step_s": 1, "time_s": [1, 2], "deployments": {HOSTILE: {"ongoing": [1, 2]}}, "routes": {}}},
            "/api/v1/logs": {"lines": [{"level": HOSTILE, "message": HOSTILE, "replica": HOSTILE, HOSTILE: HOSTILE}, HOSTILE]},
            "/api/v1/processes": {"processes": [{"process_id": 1, "kind": HOSTILE, "state": HOSTILE, "replica": HOSTILE}]},
        }
        for view in VIEWS:
            self.assertIn("<img src=x", self.show(view, shown, answers), view)
            self.assertEqual(self.browser.script("return document.querySelectorAll('main img, main script').length"), 0)
        self.assertIsNone(self.browser.script("return window.hacked ?? null"))

    def test_what_is_missing_leaves_the_rest(self):
        bare = deployment("a/B", 0)
        del bare["options"]
        for view in VIEWS:
            for applications in [[], [application("a")], [application("a", bare)]]:
                text = self.show(view, status(*applications), {"/api/v1/processes": {"processes": [{"process_id": 1, "state": "running"}]}})
                self.assertNotIn("cannot be shown", text)

    def test_arrows_lead_from_callers_to_callees_and_pass_between_boxes(self):
        names = ["Front", "Sharpen", "Segmenter", "Palette"]
        calls = {"Front": ["Sharpen", "Segmenter"], "Sharpen": ["Segmenter"], "Segmenter": ["Palette", "Front"]}
        nodes = {
            name: {"name": name, "outbound_deployments": [{"name": callee} for callee in calls.get(name, [])]} for name in names
        }
        topology = {"ingress_deployment": "Front", "nodes": nodes}
        answers = {"/api/serve/applications/": {"applications": {"a": {"deployment_topology": topology}}}}
        self.show("graph", status(application("a", *(deployment(f"a/{name}") for name in names))), answers)
        titles = self.browser.script("return [...document.querySelectorAll('.edge title')].map((title) => title.textContent)")
        wanted = [f"{caller} calls {callee}" for caller, callees in calls.items() for callee in callees]
        self.assertEqual(sorted(titles), sorted(wanted))
        # Points along each line, but for its ends, against the boxes.
        crossings = self.browser.script(
            """
            const boxes = [...document.querySelectorAll(".box .frame")].map((box) => box.getBoundingClientRect());
            return [...document.querySelectorAll(".edge")].filter((edge) => {
                if (edge.textContent === "Segmenter calls Front") return false;
                const matrix = edge.getScreenCTM();
                return Array.from({ length: 60 }, (_, index) => edge.getPointAtLength(edge.getTotalLength() * (index + 2) / 64))
                    .map((point) => point.matrixTransform(matrix))
                    .some(({ x, y }) => boxes.some((box) => x > box.left + 2 && x < box.right - 2 && y > box.top + 2 && y < box.bottom - 2));
            }).map((edge) => edge.textContent);
            """
        )
        self.assertEqual(crossings, [])

    def test_charts_have_gaps_where_nothing_is_known(self):
        known = {"requests_per_s": [4, 8, None, 2], "errors_per_s": [0, 0, 0, 0], "p50_ms": [None, None, None, 12]}
        series = {"fine": {"step_s": 1, "time_s": [100, 101, 102, 103], "deployments": {"a/B": known}, "routes": {}}}
        text = self.show("metrics", status(application("a", deployment("a/B"))), {"/api/v1/series": series})
        for part in ["a/B", "Requests", "Latency", "12", "per s"]:
            self.assertIn(part, text)
        line = self.browser.script("return document.querySelector('.chart .line0[d]').getAttribute('d')")
        self.assertEqual(line.count("M"), 2)
        label = self.browser.script("return document.querySelector('.chart svg').getAttribute('aria-label')")
        self.assertEqual(label, "Requests: all 2 per s, errors 0 per s; at most 8")

    def test_lines_of_the_log_can_be_chosen(self):
        lines = [
            {"time": "2026-01-01T00:00:00Z", "level": "info", "message": "ready", "replica": "a/B#1"},
            {"time": "2026-01-01T00:00:01Z", "level": "error", "message": "lost", "replica": "a/B#2", "metadata": {"code": "7"}},
        ]
        shown = status(application("a", deployment("a/B")))
        text = self.show("logs", shown, {"/api/v1/logs": {"lines": lines}})
        self.assertIn("ready", text)
        self.assertIn("lost code=7", text)
        self.browser.element("main input[type=search]").send_keys("code=7")
        self.browser.wait_for_no_text("ready", "main .log")
        self.browser.wait_for_text("1 of 2 lines", "main")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
