#!/usr/bin/env python3
"""The dashboard's views of what is hard to bring about, in Chromium: `make test-operations`.

usage: dashboard_pieces.py PROGRAM   (the built entry-dashboard)"""

import json
import sys
import unittest

from browser import DESK, HOSTILE, PHONE, VIEWS, DashboardTest


def deployment(name, count=1, **fields):
    replicas = [{"id": f"{name}#{number}", "state": "running"} for number in range(1, count + 1)]
    return {
        "id": name, "state": "healthy", "message": "", "target": {"replicas": count, "decided_by": "user", "reason": ""},
        "options": {}, "replicas": replicas, **fields,
    }


def application(name, *deployments, **fields):
    named = {one["id"].removeprefix(f"{name}/"): one for one in deployments}
    return {"name": name, "state": "running", "message": "", "deployments": named, **fields}


def topology(ingress, calls, *names):
    """What an application's deployments call, as the server tells it."""
    nodes = {name: {"name": name, "outbound_deployments": [{"name": callee} for callee in calls.get(name, [])]} for name in names}
    return {"applications": {"a": {"deployment_topology": {"ingress_deployment": ingress, "nodes": nodes}}}}


def columns(rate, p50=None, errors=0.0):
    """The points of ten seconds, with the same values in each."""
    return {name: [value] * 10 for name, value in [("requests_per_s", rate), ("errors_per_s", errors), ("p50_ms", p50), ("p95_ms", p50)]}


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
            "/api/v1/series": {"fine": {"step_s": 1, "time_s": [1, 2], "deployments": {HOSTILE: {"ongoing": [1, 2]}}, "routes": {},
                                        "edges": {HOSTILE: {f"{HOSTILE}/{HOSTILE}": {"requests_per_s": [1, 2]}}}}},
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
        answers = {"/api/serve/applications/": topology("Front", calls, *names)}
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

    CALLS = {"Front": ["Ranker", "Catalogue"], "Ranker": ["Catalogue"], "Catalogue": ["Front"]}

    def show_edges(self, edges, routes=None):
        """Draws a graph with what was measured of its edges, and returns the labels by edge."""
        names = ["Front", "Ranker", "Catalogue"]
        series = {"fine": {"step_s": 1, "time_s": list(range(10)), "deployments": {}, "routes": routes or {}, "edges": edges}}
        answers = {"/api/serve/applications/": topology("Front", self.CALLS, *names), "/api/v1/series": series}
        self.show("graph", status(application("a", *(deployment(f"a/{name}") for name in names), route_prefix="/a")), answers)
        return dict(self.browser.script(
            "return [...document.querySelectorAll('.rate')].map((label) =>"
            " [label.dataset.edge, [...label.querySelectorAll('text')].map((text) => text.textContent).join(' · ')])"
        ))

    def test_an_arrow_has_its_rate_and_latency_and_one_without_calls_has_none(self):
        shown = self.show_edges(
            {"a/Front": {"a/Ranker": columns(12.4, 3.41), "a/Catalogue": columns(0)}, "a/Ranker": {"a/Catalogue": columns(1250, 0.2, 2.5)}},
            {"/a": columns(12.4, 8)},
        )
        self.assertEqual(shown, {
            "HTTP Front": "12/s · p50 8 ms", "Front Ranker": "12/s · p50 3.4 ms", "Front Catalogue": "0/s",
            "Ranker Catalogue": "1250/s · p50 0.2 ms · 2.5 errors/s",
        })
        self.assertEqual(
            self.browser.script("return [...document.querySelectorAll('.rate.failing')].map((label) => label.dataset.edge)"),
            ["Ranker Catalogue"],
        )
        titles = self.browser.script("return [...document.querySelectorAll('.edge title')].map((title) => title.textContent)")
        self.assertIn("Front calls Ranker: 12/s, p50 3.4 ms", titles)
        self.assertIn("Catalogue calls Front", titles)

    def test_the_edges_are_a_table_too(self):
        self.show_edges(
            {
                "a/Front": {"a/Ranker": columns(12.4, 3.41, 0.5)}, "a/Ranker": {"a/Ranker": columns(2, 1)},
                "main": {"a/Ranker": columns(3, 5)}, "b/Other": {"a/Front": columns(4, 6)}, "a/Gone": {"b/Other": columns(9, 9)},
            },
            {"/a": columns(7, 8)},
        )
        rows = self.browser.script(
            "return [...document.querySelectorAll('table[aria-label=\"calls of a\"] tbody tr')].map((row) =>"
            " [...row.children].map((cell) => cell.textContent))"
        )
        self.assertEqual(rows, [
            ["HTTP /a", "Front", "7", "0", "8", "8"],
            ["Front", "Ranker", "12", "0.5", "3.4", "3.4"],
            ["Front", "Catalogue", "–", "–", "–", "–"],
            ["Ranker", "Catalogue", "–", "–", "–", "–"],
            ["Catalogue", "Front", "–", "–", "–", "–"],
            ["Ranker", "Ranker", "2", "0", "1", "1"],
            ["Program by handle", "Ranker", "3", "0", "5", "5"],
            ["b/Other another application", "Front", "4", "0", "6", "6"],
        ])
        labels = self.browser.script("return [...document.querySelectorAll('.outside')].map((node) => node.getAttribute('aria-label'))")
        self.assertEqual(labels, ["HTTP, /a", "Program, by handle", "b/Other, another application"])

    def test_the_rates_follow_what_is_measured(self):
        self.assertEqual(self.show_edges({"a/Front": {"a/Ranker": columns(12, 3)}}), {"Front Ranker": "12/s · p50 3 ms"})
        # Rates are the mean of the last seconds, latencies the last known ones.
        later = {"requests_per_s": [9] * 5 + [0, 0, 10, 10, None], "p50_ms": [1] * 5 + [None, None, 5, 7, None]}
        self.assertEqual(self.show_edges({"a/Front": {"a/Ranker": later}}), {"Front Ranker": "5/s · p50 7 ms"})

    def test_labels_cover_neither_boxes_nor_each_other(self):
        pairs = {f"a/{caller}": {f"a/{callee}": columns(12345, 123.4) for callee in callees} for caller, callees in self.CALLS.items()}
        for size in [DESK, PHONE]:
            self.browser.look(size)
            self.assertEqual(len(self.show_edges(pairs, {"/a": columns(12345, 123.4)})), 5)
            covered = self.browser.script(
                """
                const named = (selector, name) => [...document.querySelectorAll(selector)].map((node) => [name(node), node.getBoundingClientRect()]);
                const labels = named(".rate", (label) => label.dataset.edge);
                const others = [...labels, ...named(".box", (box) => box.getAttribute("aria-label")), ...named(".outside", () => "outside")];
                return labels.flatMap(([name, a], index) => others.filter(([other, b], at) => at !== index
                    && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
                    .map(([other]) => `${name} over ${other}`));
                """
            )
            self.assertEqual(covered, [], size)
            outside = self.browser.script(
                """
                const frame = document.querySelector(".drawing > svg").getBoundingClientRect();
                return [...document.querySelectorAll(".rate, .box, .outside, .edge")].map((node) => node.getBoundingClientRect())
                    .filter((rect) => rect.left < frame.left - 1 || rect.right > frame.right + 1 || rect.top < frame.top - 1 || rect.bottom > frame.bottom + 1).length;
                """
            )
            self.assertEqual(outside, 0, size)

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
