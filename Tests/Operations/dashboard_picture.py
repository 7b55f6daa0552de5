#!/usr/bin/env python3
"""Writes the pictures in docs/DASHBOARD.md: `make dashboard-picture`.

usage: dashboard_picture.py PROGRAM FOLDER   (the built entry-dashboard)"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser import PHONE, Browser, Program, wait_until

PROGRAM, FOLDER = (Path(path).absolute() for path in sys.argv[1:3])
DESK = (1280, 900)
# So that charts have lines.
LOAD_SECONDS = 30


def load(program):
    """Requests in waves, so that the number of replicas follows."""
    http = program.status()["instance"]["http"]["port"]
    words = ["swerve", "actor", "replica", "deployment"]
    end = time.monotonic() + LOAD_SECONDS

    def ask(index):
        while time.monotonic() < end:
            program.fetch(http, f"/words?word={words[index % len(words)]}")
            time.sleep(0.02 * (1 + index % 5))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(12)))


def main():
    program, browser = Program(PROGRAM), Browser()
    try:
        load(program)
        program.command("archive archive")
        program.command("archive archive-of-last-year")
        pipe = program.pipe()
        program.command(f"words 2 {pipe}")
        browser.look(DESK, scale=1.5)
        browser.open(program, f"#token={program.token}")
        browser.wait_for_text("previous version serving")
        browser.wait_for_text("needs 1 tape")
        browser.driver.save_screenshot(str(FOLDER / "dashboard.png"))
        browser.look(PHONE, dark=True, scale=2)
        browser.script("location.hash = 'graph'")
        browser.element(".graph .box")
        wait_until(lambda: browser.script("return document.documentElement.scrollWidth") <= PHONE[0], "the phone's width")
        time.sleep(1)
        browser.driver.save_screenshot(str(FOLDER / "dashboard-phone.png"))
        if browser.script("return fetch('/api/v1/series').then((answer) => answer.ok)"):
            browser.look(DESK, scale=1.5)
            browser.script("location.hash = 'metrics'")
            browser.element(".chart path")
            time.sleep(1)
            browser.driver.save_screenshot(str(FOLDER / "dashboard-metrics.png"))
        open(pipe, "w").close()
    finally:
        browser.close()
        program.close()


if __name__ == "__main__":
    main()
