#!/usr/bin/env python3
"""Ray's own command line, as PyPI has it, against the admin server of an instance: `make test-operations`.

usage: ray_cli.py PROGRAM SERVE   (the built entry-admin, and Ray's `serve`)"""

import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

PROGRAM, SERVE = (Path(path).absolute() for path in sys.argv[1:3])
SECONDS = 60


class RayCommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.token = Path(folder.name) / "token"
        self.program = subprocess.Popen([PROGRAM, self.token], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        self.url = self.program.stdout.readline().split()[1]

    def end(self):
        if self.program.poll() is None:
            self.program.terminate()
        self.program.wait(SECONDS)
        self.program.stdout.close()

    def serve(self, *arguments, token=None):
        """Runs `serve`; the token goes where Ray's users put it."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        variables |= {"RAY_DASHBOARD_ADDRESS": self.url, "RAY_USAGE_STATS_ENABLED": "0"}
        if token:
            variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        return subprocess.run(
            [SERVE, *arguments], env=variables, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def status(self, *arguments):
        result = self.serve("status", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_status_shows_what_runs(self):
        text = self.status()
        for line in ["echo:", "status: RUNNING", "Echo:", "status: HEALTHY", "RUNNING: 2"]:
            self.assertIn(line, text)
        self.assertIn("status: RUNNING", self.status("--name", "echo"))

    def test_config_has_no_application_that_a_program_deployed(self):
        result = self.serve("config")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("echo", result.stdout)

    def test_shutdown_without_the_token_is_refused_and_says_why(self):
        result = self.serve("shutdown", "-y")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("token", result.stdout + result.stderr)
        self.assertIn("RUNNING: 2", self.status())

    def test_shutdown_with_another_token_is_refused(self):
        other = self.token.with_name("other")
        other.write_text("0" * 64)
        result = self.serve("shutdown", "-y", token=other)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("RUNNING: 2", self.status())

    def test_shutdown_with_the_token_ends_the_applications_and_not_the_server(self):
        result = self.serve("shutdown", "-y", token=self.token)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        deadline = time.monotonic() + SECONDS
        while "echo" in self.status():
            self.assertLess(time.monotonic(), deadline)
        self.assertIsNone(self.program.poll())

    def test_the_admin_server_ends_the_program(self):
        request = urllib.request.Request(
            f"{self.url}/api/v1/shutdown",
            method="POST",
            headers={"authorization": f"Bearer {self.token.read_text().strip()}"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            self.assertEqual(answer.status, 202)
        self.assertEqual(self.program.wait(SECONDS), 0)
        # The token is the user's file, and stays.
        self.assertTrue(self.token.exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
