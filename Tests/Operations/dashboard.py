#!/usr/bin/env python3
"""The dashboard in Chromium, on a program with an admin server: `make test-operations`.

usage: dashboard.py PROGRAM   (the built entry-dashboard)"""

import os
import signal
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import axe_playwright_python
from browser import HOSTILE, PHONE, VIEWS, DashboardTest, wait_until
from selenium.webdriver.common.keys import Keys

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


class Views(DashboardTest):
    def test_both_replicas_are_in_both_views(self):
        self.browser.open(self.program)
        processes = {str(replica["process_id"]) for replica in self.program.replicas()}
        self.assertEqual(len(processes), 2)
        wait_until(lambda: len(self.rows()) == 2, "two replicas")
        shown = "\n".join(self.rows())
        for text in [*processes, "#1", "#2", "running"]:
            self.assertIn(text, shown)
        self.browser.wait_for_text("2 of 2 running", self.deployment())
        self.browser.click('nav a[href="#actors"]')
        for process in processes:
            self.browser.wait_for_text(process, "main table")
        for text in ["instance", "words/Front", "MiB", "%"]:
            self.browser.wait_for_text(text, "main table")

    def test_a_killed_replica_is_replaced(self):
        self.browser.open(self.program)
        victim = self.program.replicas()[0]["process_id"]
        self.browser.wait_for_text(str(victim), self.deployment())
        os.kill(victim, signal.SIGKILL)
        self.browser.wait_for_no_text(str(victim), self.deployment())
        wait_until(lambda: sum("running" in row for row in self.rows()) == 2, "two running replicas")
        self.assertNotIn(victim, {replica["process_id"] for replica in self.program.replicas()})

    def test_a_rollout_is_followed_to_its_end(self):
        self.browser.open(self.program)
        pipe = self.program.pipe()
        self.program.command(f"words 2 {pipe}")
        self.browser.wait_for_text("updating", self.deployment())
        self.browser.wait_for_text("0 of 2 new replicas running, 2 of the previous version serving", self.deployment())
        self.browser.wait_for_text("loading…", self.deployment())
        # Opens once a replica reads, and stays open for those that come later.
        with open(pipe, "w"):
            self.browser.wait_for_text("healthy", self.deployment())
        wait_until(lambda: len(self.rows()) == 2, "the end of the old replicas")
        self.assertNotIn("previous version", self.browser.text())
        self.assertIn("version 2", self.program.ask("/words"))

    def test_it_says_why_replicas_wait_batches_closed_and_numbers_changed(self):
        self.program.command("archive first")
        self.program.command("archive second")
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: self.program.ask("/words?word=hello"), range(200)))
        self.browser.open(self.program)
        self.browser.wait_for_text("needs 1 tape; node local has 0 of 1 free; held by", "main")
        ranker = self.deployment("Ranker")
        for text in ["score(batch:)", "closed because", "nothing more could come", "the load asks for"]:
            self.browser.wait_for_text(text, ranker)

    def test_a_hostile_message_is_text(self):
        self.program.command(f"broken {HOSTILE}")
        self.browser.open(self.program)
        self.browser.wait_for_text(HOSTILE, self.deployment("Broken", "broken"))
        for view in VIEWS:
            self.browser.script("location.hash = arguments[0]", view)
            self.browser.wait_for_text(view.capitalize(), 'nav [aria-current="page"]')
            self.assertEqual(self.browser.script("return document.querySelectorAll('main img, main script').length"), 0)
        self.assertIsNone(self.browser.script("return window.hacked ?? null"))

    def test_the_graph_has_a_box_for_each_deployment(self):
        self.browser.open(self.program, "#graph")
        boxes = "return [...document.querySelectorAll('.graph .box')].map((box) => box.getAttribute('aria-label'))"
        names = wait_until(lambda: self.browser.script(boxes), "boxes")
        self.assertEqual(sorted(name.split(",")[0] for name in names), ["Catalogue", "Front", "Ranker"])
        for name in names:
            self.assertRegex(name, r"healthy, \d of \d running")

    def test_the_metrics_show_what_was_measured(self):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: self.program.ask("/words?word=hello"), range(100)))
        shown = """return [...document.querySelectorAll('.metrics[aria-label="' + arguments[0] + '"] .chart svg')]
            .map((chart) => [chart.getAttribute('aria-label'), chart.querySelectorAll('path').length])"""
        for subject, lines in [
            ("words/Ranker", {"Requests": 2, "Latency": 3, "Load": 2, "Replicas": 2, "Batch size": 1}),
            ("words/Front", {"Requests": 2, "Latency": 3, "Load": 2, "Replicas": 2}),
            ("/words", {"Requests": 2, "Latency": 3}),
        ]:
            for page in ["#metrics", f"#metrics/{quote(subject, safe='')}/fine"]:
                self.browser.open(self.program, page)

                def drawn():
                    # A rate needs two readings, so requests before the first one do not show.
                    self.program.ask("/words?word=hello")
                    charts = {label.split(":")[0]: (label, paths) for label, paths in self.browser.script(shown, subject)}
                    return {title: paths for title, (_, paths) in charts.items()} == lines and charts

                charts = wait_until(drawn, f"all charts of {subject} on {page}")
                for title in ["Requests", "Latency"]:
                    self.assertNotRegex(charts[title][0], r"at most 0$", f"{subject}: {title}")

    def test_an_hour_is_drawn_from_its_own_points(self):
        self.program.ask("/words")
        self.browser.open(self.program, "#metrics/words%2FFront/coarse")
        # The first point comes when the second ten seconds begin.
        self.browser.element('.metrics[aria-label="words/Front"] .chart path')

    def test_the_graph_has_the_rates_of_the_deployments(self):
        self.program.ask("/words")
        self.browser.open(self.program, "#graph")
        labels = "return [...document.querySelectorAll('.graph .box')].map((box) => box.getAttribute('aria-label'))"
        wait_until(lambda: sum("requests/s" in label for label in self.browser.script(labels)) == 3, "three rates")

    def test_the_arrows_have_the_rates_of_the_calls_and_follow_them(self):
        self.browser.open(self.program, "#graph")
        labels = """return [...document.querySelectorAll('.rate')].map((label) =>
            [label.dataset.edge, [...label.querySelectorAll('text')].map((text) => text.textContent)])"""
        edges = {"HTTP Front", "Front Catalogue", "Front Ranker", "Ranker Catalogue"}
        http = self.program.status()["instance"]["http"]["port"]

        def rates(is_busy):
            """The rates by edge, once all edges are busy or none is. A label has one line or two."""
            shown = {edge: " ".join(texts) for edge, texts in self.browser.script(labels)}
            found = {edge: float(text.partition("/s")[0]) for edge, text in shown.items()}
            known = all("p50" in text for text in shown.values()) if is_busy else True
            return known and set(found) == edges and all((rate > 0) == is_busy for rate in found.values()) and found

        def asking(is_busy):
            if is_busy:
                for _ in range(3):
                    self.program.fetch(http, "/words?word=hello")
            return rates(is_busy)

        self.assertEqual(self.browser.script(labels), [])
        wait_until(lambda: asking(True), "rates and latencies at all arrows")
        rows = self.browser.text('table[aria-label="calls of words"]')
        for text in ["HTTP /words Front", "Ranker Catalogue"]:
            self.assertIn(text, rows)
        wait_until(lambda: asking(False), "the end of the calls at all arrows")
        wait_until(lambda: asking(True), "rates again")

    def test_logs_take_the_token_and_show_what_replicas_print(self):
        self.browser.open(self.program, "#logs")
        self.browser.wait_for_text("could not be read", "main")
        self.browser.click('[aria-label="Enter the token for the logs"]')
        self.browser.enter("token", self.program.token)
        self.browser.click("dialog .primary")
        self.browser.wait_for_text("the catalogue is ready", "main .log")
        self.browser.wait_for_text("words/Catalogue#", "main .log")
        self.assertFalse([url for url in self.browser.requests() if self.program.token in url])


class Actions(DashboardTest):
    def test_scaling_asks_for_the_token_once(self):
        self.browser.open(self.program)
        for count in [3, 1]:
            self.browser.click('[aria-label="Scale Front"]')
            self.browser.enter("replicas", str(count))
            if count == 3:
                self.browser.enter("token", self.program.token)
            self.browser.click("dialog .primary")
            self.browser.wait_for_text(f"Front is scaled to {count} replica", "#told")
            wait_until(lambda: len(self.rows()) == count, f"{count} replicas")
            self.assertEqual(self.program.status()["applications"]["words"]["deployments"]["Front"]["target"]["replicas"], count)
        self.assertFalse([url for url in self.browser.requests() if self.program.token in url])

    def test_a_wrong_token_says_so_and_another_can_follow(self):
        self.browser.open(self.program)
        self.browser.click('[aria-label="Scale Front"]')
        self.browser.enter("replicas", "3")
        self.browser.enter("token", "x" * 64)
        self.browser.click("dialog .primary")
        self.browser.wait_for_text("the token is not this server's", "dialog [role=alert]")
        self.assertEqual(len(self.program.replicas()), 2)
        self.browser.enter("token", self.program.token)
        self.browser.click("dialog .primary")
        wait_until(lambda: len(self.rows()) == 3, "three replicas")

    def test_the_token_comes_in_the_fragment_and_stays_in_the_tab(self):
        self.browser.open(self.program, f"#token={self.program.token}")
        self.assertEqual(self.browser.script("return location.href"), f"{self.program.url}/")
        self.assertEqual(self.browser.script("return sessionStorage.token"), self.program.token)
        self.assertEqual(self.browser.script("return localStorage.length + document.cookie.length"), 0)
        self.browser.wait_for_text("Token kept", "#token")
        self.browser.click('[aria-label="Delete words"]')
        self.browser.wait_for_text("Delete words?", "dialog")
        self.browser.click("dialog .primary")
        self.browser.wait_for_text("No application runs", "main")
        sent = [urlsplit(url)._replace(fragment="").geturl() for url in self.browser.requests()]
        self.assertFalse([url for url in sent if self.program.token in url])

    def test_going_back_shows_the_plan_before(self):
        self.program.command("words 2")
        wait_until(lambda: "version 2" in self.program.ask("/words"), "version 2")
        self.browser.open(self.program, f"#token={self.program.token}")
        self.browser.click('[aria-label="Roll back words"]')
        self.browser.wait_for_text("What revision 1 changes", "dialog")
        plan = self.browser.text("dialog .plan")
        self.assertRegex(plan, r"Front\s+replace\s+arguments")
        self.assertRegex(plan, r"Ranker\s+unchanged")
        self.assertIn("version 2", self.program.ask("/words"))
        self.browser.click("dialog .primary")
        wait_until(lambda: "version 1" in self.program.ask("/words"), "version 1")

    def test_the_keyboard_reaches_every_action(self):
        self.browser.open(self.program, f"#token={self.program.token}")
        wait_until(lambda: len(self.rows()) == 2, "two replicas")
        # In the order of the page.
        for name in ["Skip to the content", "Token kept", "Serve", "Actors", "Logs", "Roll back words", "Delete words"]:
            self.browser.tab_to(name)
        self.browser.tab_to("Scale Front")
        self.browser.press(Keys.ENTER)
        self.browser.wait_for_text("Scale Front", "dialog")
        self.assertEqual(self.browser.focus(), "replicas")
        self.browser.press(Keys.ESCAPE)
        wait_until(lambda: self.browser.focus() == "Scale Front", "the focus on the button again")
        self.browser.press(Keys.ENTER)
        self.browser.wait_for_text("Scale Front", "dialog")
        self.browser.press("3", Keys.ENTER)
        wait_until(lambda: len(self.rows()) == 3, "three replicas")
        wait_until(lambda: self.browser.focus() == "Scale Front", "the focus on the button again")


class Page(DashboardTest):
    def test_nothing_is_asked_of_another_server(self):
        self.browser.open(self.program)
        for view in VIEWS:
            self.browser.click(f'nav a[href="#{view}"]')
            self.browser.wait_for_text(view.capitalize(), 'nav [aria-current="page"]')
        requests = self.browser.requests()
        self.assertGreater(len(requests), 10)
        self.assertEqual([url for url in requests if not url.startswith(f"{self.program.url}/")], [])

    def test_a_lost_server_shows_and_comes_back(self):
        self.browser.open(self.program)
        port = urlsplit(self.program.url).port
        self.program.stop()
        self.browser.wait_for_text("Not connected", "#banner")
        self.browser.wait_for_text("Not connected", "#connection")
        # What was known stays.
        self.browser.wait_for_text("Front", "main")
        self.program.start(port)
        self.browser.wait_for_text("Live", "#connection")
        self.assertEqual(self.browser.text("#banner"), "")
        process = str(self.program.status()["instance"]["process_id"])
        self.browser.wait_for_text(process, "#instance")

    def test_a_phone_does_not_scroll_sideways(self):
        self.program.command(f"broken {HOSTILE * 3}")
        self.browser.look(PHONE)
        self.browser.open(self.program)
        for view in VIEWS:
            self.browser.click(f'nav a[href="#{view}"]')
            self.browser.wait_for_text(view.capitalize(), 'nav [aria-current="page"]')
            wait_until(lambda: "…" not in self.browser.text("main .empty"), "the view")
            width = self.browser.script("return document.documentElement.scrollWidth")
            self.assertLessEqual(width, PHONE[0], view)

    def test_axe_finds_nothing_in_light_and_dark(self):
        self.program.ask("/words")
        self.program.command(f"broken {HOSTILE}")
        self.program.command("archive first")
        self.program.command("archive second")
        for dark in [False, True]:
            self.browser.look(dark=dark)
            self.browser.open(self.program)
            self.browser.wait_for_text("needs 1 tape")
            ground = self.browser.script("return getComputedStyle(document.body).backgroundColor")
            is_dark = sum(int(part) for part in ground.strip("rgb()").split(",")) < 150
            self.assertEqual(is_dark, dark)
            for view in VIEWS:
                self.browser.click(f'nav a[href="#{view}"]')
                wait_until(lambda: "…" not in self.browser.text("main .empty"), "the view")
                self.check_with_axe(f"{view}, dark: {dark}")
            self.browser.click('nav a[href="#serve"]')
            self.browser.click('[aria-label="Scale Front"]')
            self.check_with_axe(f"dialog, dark: {dark}")
            self.browser.click('dialog button[type="button"]')
            self.browser.click('[aria-label="Roll back words"]')
            self.browser.wait_for_text("There is no other revision", "dialog")
            self.check_with_axe(f"revisions, dark: {dark}")

    def check_with_axe(self, where):
        self.browser.script(AXE)
        found = self.browser.driver.execute_async_script(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
            ".then((found) => arguments[0](found.violations.map((violation) =>"
            " [violation.id, violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + node.failureSummary)])))"
        )
        self.assertEqual(found, [], where)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
