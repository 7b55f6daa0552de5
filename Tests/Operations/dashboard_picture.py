#!/usr/bin/env python3
"""Writes the pictures in docs/DASHBOARD.md: `make dashboard-picture`.

usage: dashboard_picture.py PROGRAM FOLDER   (the built entry-dashboard)"""

import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser import PHONE, Browser, Program, wait_until

PROGRAM, FOLDER = (Path(path).absolute() for path in sys.argv[1:3])
DESK = (1280, 1080)
# How long the load lasts before the first picture, so that charts have lines.
LOAD_SECONDS = 70


def load(program, is_over):
    """Requests in waves, so that the number of replicas follows."""
    http = program.status()["instance"]["http"]["port"]
    words = ["swerve", "actor", "replica", "deployment"]

    def ask(index):
        while not is_over.is_set():
            program.fetch(http, f"/words?word={words[index % len(words)]}")
            wave = 1 + math.sin(time.monotonic() / 6)
            is_over.wait(0.02 * (1 + index % 5) + 0.2 * wave)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))


def main():
    program, browser, is_over = Program(PROGRAM), Browser(), threading.Event()
    thread = threading.Thread(target=load, args=(program, is_over))
    thread.start()
    try:
        time.sleep(LOAD_SECONDS)
        program.command("archive words-archive")
        program.command("archive words-archive-2")
        pipe = program.pipe()
        program.command(f"words 2 {pipe}")
        browser.look(DESK, scale=1.5)
        browser.open(program, f"#token={program.token}")
        browser.wait_for_text("previous version serving")
        browser.wait_for_text("needs 1 tape")
        browser.driver.save_screenshot(str(FOLDER / "dashboard.png"))
        browser.script("location.hash = 'metrics'")
        browser.element(".chart path")
        browser.script("location.hash = 'metrics/words%2FRanker/fine'")
        browser.look((1280, 350), scale=1.5)
        browser.wait_for_text("Batch size")
        browser.driver.save_screenshot(str(FOLDER / "dashboard-metrics.png"))
        browser.look((1280, 420), scale=1.5)
        browser.script("location.hash = 'graph'")
        wait_until(lambda: browser.script("return document.querySelectorAll('.rate').length") == 4, "labels at the arrows")
        browser.driver.save_screenshot(str(FOLDER / "dashboard-graph.png"))
        browser.look(PHONE, dark=True, scale=2)
        browser.element(".graph .box")
        browser.wait_for_text("requests/s")
        browser.driver.save_screenshot(str(FOLDER / "dashboard-phone.png"))
        open(pipe, "w").close()
    finally:
        is_over.set()
        thread.join()
        browser.close()
        program.close()


if __name__ == "__main__":
    main()
