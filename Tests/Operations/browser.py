"""Chromium without a window, and programs with an admin server, for the tests and pictures of the dashboard."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

# Generous, because machines that test do other things, too.
SECONDS = 60
PHONE = (390, 844)
DESK = (1280, 860)
VIEWS = ["serve", "actors", "graph", "metrics", "logs"]
HOSTILE = """<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"""


def wait_until(condition, what):
    """Waits until something is true, and returns it."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            found = condition()
        except StaleElementReferenceException:
            found = None
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {SECONDS} s")
        time.sleep(0.05)


class Program:
    """A running entry-dashboard."""

    def __init__(self, path, port=0):
        self.folder = Path(tempfile.mkdtemp())
        self.token_file = self.folder / "token"
        self.path = path
        self.start(port)

    def start(self, port):
        self.process = subprocess.Popen(
            [self.path, self.token_file, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        # What the replicas print goes to the same place.
        self.url = next(line for line in self.process.stdout if line.startswith("admin ")).split()[1]
        self.token = self.token_file.read_text().strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(SECONDS)
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def status(self):
        with urllib.request.urlopen(f"{self.url}/api/v1/status", timeout=SECONDS) as answer:
            return json.load(answer)

    def replicas(self, deployment="Front", application="words"):
        return self.status()["applications"][application]["deployments"][deployment]["replicas"]

    def ask(self, path):
        """What the application answers."""
        return self.fetch(self.status()["instance"]["http"]["port"], path)

    @staticmethod
    def fetch(port, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as answer:
            return answer.read().decode()

    def pipe(self):
        path = self.folder / f"pipe{time.monotonic_ns()}"
        os.mkfifo(path)
        return path


class Browser:
    def __init__(self):
        options = Options()
        options.binary_location = os.environ.get("CHROMIUM", shutil.which("chromium"))
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = os.environ.get("CHROMEDRIVER", shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.look()

    def close(self):
        self.driver.quit()

    def look(self, size=DESK, dark=False, scale=1):
        width, height = size
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": size == PHONE},
        )
        scheme = "dark" if dark else "light"
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )

    def open(self, program, fragment=""):
        # A change of the fragment alone loads nothing.
        self.driver.get("about:blank")
        self.driver.get(f"{program.url}/{fragment}")
        self.wait_for_text("Live", "#connection")

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def text(self, selector="body"):
        return self.script("return (document.querySelector(arguments[0])?.innerText ?? '').replace(/\\s+/g, ' ')", selector)

    def wait_for_text(self, text, selector="body"):
        return wait_until(lambda: text in self.text(selector), f"'{text}' in {selector}")

    def wait_for_no_text(self, text, selector="body"):
        return wait_until(lambda: text not in self.text(selector), f"the end of '{text}' in {selector}")

    def element(self, selector):
        return wait_until(lambda: self.script("return document.querySelector(arguments[0])", selector), selector)

    def click(self, selector):
        self.element(selector).click()

    def enter(self, name, text):
        self.script("document.querySelector(`dialog [name=${arguments[0]}]`).value = ''", name)
        self.element(f"dialog [name={name}]").send_keys(text)

    def press(self, *keys):
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def focus(self):
        """What has the focus, by its name for screen readers."""
        return self.script(
            "const e = document.activeElement; return e === document.body ? '' :"
            " e.getAttribute('aria-label') ?? (e.innerText || e.name || e.localName)"
        )

    def tab_to(self, name, most=200):
        """Presses Tab until an element has the focus."""
        for _ in range(most):
            self.press(Keys.TAB)
            if self.focus() == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    def requests(self):
        """The addresses that were asked for since the last call, but those of the browser's own pages."""
        addresses = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = message["params"]["request"]["url"]
                if urlsplit(address).scheme in ("http", "https", "ws", "wss"):
                    addresses.append(address)
        return addresses

    def problems(self):
        """What the browser complained about since the last call, but answers that are none."""
        return [
            entry["message"] for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and "Failed to load resource" not in entry["message"]
        ]


class DashboardTest(unittest.TestCase):
    """A program for each test, which the script's first argument names, and a browser for all of them."""

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.program = Program(Path(sys.argv[1]).absolute())
        self.addCleanup(self.program.close)
        self.browser.look()
        self.browser.requests()
        self.browser.problems()

    def tearDown(self):
        self.assertEqual(self.browser.problems(), [])

    def deployment(self, name="Front", application="words"):
        return f'[aria-label="deployment {application}/{name}"]'

    def rows(self, name="Front"):
        return self.browser.script(
            "return [...document.querySelectorAll(`${arguments[0]} tbody tr`)].map((row) => row.innerText)",
            self.deployment(name),
        )
