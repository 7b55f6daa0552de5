#!/usr/bin/env python3
"""Example files that Ray publishes, deployed into an instance: `make test-operations`.

usage: ray_files.py SWERVE PROGRAM SERVE   (the built swerve and entry-ray, and Ray's `serve`)

The Python modules that the files name have twins in PROGRAM. What must come out is told by Ray: its own models read the
files and what the instance shows of them, and recorded.json has what Ray Serve shows and answers (record_ray.py)."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import warnings
from pathlib import Path

import yaml
from ray.serve.schema import ServeApplicationSchema, ServeDeploySchema, ServeInstanceDetails
from ray_shapes import RECORDED, REQUESTS, SECONDS, TEXT, all_options, answers, file, for_one_node, options, post
from ray_shapes import summary, without_address

SWERVE, PROGRAM, SERVE = (Path(path).absolute() for path in sys.argv[1:4])
# Ray's default and Swerve's, where a file gives nothing: see docs/CONFIG.md.
DEFAULTS = {
    "max_ongoing_requests": (5, 100), "max_queued_requests": (-1, 10_000), "ray_actor_options.num_cpus": (1, 0),
}


def mapped(text):
    """The file with twins in the place of the Python modules."""
    twin = re.sub(r"import_path: (\S+)", lambda path: f"import_path: {PROGRAM}:{path[1].replace(':', '.')}", text)
    return for_one_node(without_address(twin))


def content(application):
    """What a configuration says of an application, with its name and route in any case."""
    return application.model_dump(exclude_unset=True) | {
        "name": application.name, "route_prefix": application.route_prefix,
    }


class Instance:
    """An instance of `swerve start`, which ends with the tests."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.variables = {
            "PATH": os.environ["PATH"], "HOME": folder, "XDG_RUNTIME_DIR": folder, "LC_ALL": "C.UTF-8",
        }
        started = self.run(SWERVE, "start", "--port", "0", "--admin-port", "0", "--state", "state")
        found = dict(re.findall(r"^(HTTP|dashboard|token) +(\S+)$", started.stdout, re.M))
        if len(found) != 3:
            raise SystemExit(f"no instance: {started.stdout}{started.stderr}")
        self.http, self.admin, self.token = found["HTTP"], found["dashboard"], found["token"]
        self.variables["SWERVE_ADDRESS"] = self.admin

    def run(self, *command, **variables):
        return subprocess.run(command, cwd=self.folder, env=self.variables | variables, capture_output=True, text=True,
                              timeout=SECONDS, check=False)

    def end(self):
        self.run(SWERVE, "shutdown", "-y")

    def file(self, text):
        path = self.folder / "serve.yaml"
        path.write_text(text)
        return path

    def deploy(self, text):
        return self.run(SWERVE, "deploy", self.file(text), "--no-wait")

    def serve(self, *arguments):
        """Runs Ray's command line as its users do."""
        return self.run(
            SERVE, *arguments, RAY_DASHBOARD_ADDRESS=self.admin, RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN_PATH=self.token,
        )

    def details(self):
        token = Path(self.token).read_text().strip()
        request = urllib.request.Request(
            f"{self.admin}/api/serve/applications/", headers={"authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)

    def processes(self):
        return {
            (name, replica["pid"])
            for application in self.details()["applications"].values()
            for name, deployment in application["deployments"].items()
            for replica in deployment["replicas"]
        }


class RayFiles(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        folder = tempfile.TemporaryDirectory(prefix="swerve-ray-")
        cls.addClassCleanup(folder.cleanup)
        cls.instance = Instance(folder.name)
        cls.addClassCleanup(cls.instance.end)
        cls.recorded = json.loads(RECORDED.read_text())["files"]

    def deploy(self, text):
        result = self.instance.deploy(text)
        self.assertEqual(result.returncode, 0, result.stderr)

    def details(self, wanted):
        """The instance's details, once they are what is wanted."""
        end = time.monotonic() + SECONDS
        while summary(details := self.instance.details()) != wanted:
            if time.monotonic() > end:
                self.assertEqual(summary(details), wanted)
            time.sleep(0.05)
        return details

    def check(self, name):
        """Compares what the instance shows and answers with what Ray does."""
        ray = self.recorded[name]
        details = self.details(ray["applications"])
        # The models refuse what Ray's clients would.
        ServeInstanceDetails(**details)._get_status()
        shown = all_options(details)
        for application in ServeDeploySchema(**yaml.safe_load(mapped(file(name)))).applications:
            self.check_options(application, shown[application.name], ray["options"][application.name])
            deployed = details["applications"][application.name]["deployed_app_config"]
            self.assertEqual(content(ServeApplicationSchema(**deployed)), content(application))
        self.assertEqual(answers(name, self.instance.http), ray["answers"])

    def check_options(self, application, shown, ray):
        """Compares options with those in the file, and those that it does not give with Ray's."""
        given = {one.name: options(one.model_dump(exclude_unset=True)) for one in application.deployments}
        for name, values in ray.items():
            own = shown[name]
            of_file = given.get(name, {})
            self.assertEqual({key: own.get(key) for key in of_file}, of_file, name)
            for key in values.keys() - of_file.keys():
                pair = (values[key], own.get(key))
                self.assertIn(pair, [(values[key], values[key]), DEFAULTS.get(key)], f"{name}: {key}")

    def test_swerve_deploy_makes_of_a_file_what_Ray_makes_of_it(self):
        for name in REQUESTS:
            with self.subTest(name):
                self.deploy(mapped(file(name)))
                self.check(name)

    def test_Ray_s_own_command_deploys_a_file_and_prints_it(self):
        result = self.instance.serve("deploy", self.instance.file(mapped(file("fruit_and_math"))))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.check("fruit_and_math")
        printed = self.instance.serve("config").stdout
        applications = [one for one in yaml.safe_load_all(printed) if one]
        self.assertEqual(
            sorted(applications, key=lambda one: one["name"]),
            yaml.safe_load(mapped(file("fruit_and_math")))["applications"],
        )

    def test_what_swerve_config_prints_deploys_the_same_again(self):
        self.deploy(mapped(file("fruit_and_math")))
        self.details(self.recorded["fruit_and_math"]["applications"])
        before = self.instance.processes()
        self.deploy(self.instance.run(SWERVE, "config").stdout)
        self.check("fruit_and_math")
        self.assertEqual(self.instance.processes(), before)

    def test_another_user_configuration_replaces_no_replica(self):
        self.deploy(mapped(file("text_ml")))
        self.details(self.recorded["text_ml"]["applications"])
        before = self.instance.processes()
        # As in Ray's guide to updates in place.
        self.deploy(mapped(file("text_ml").replace("language: french", "language: german")))
        german = "es war die beste Zeit, es war die schlimmste Zeit"
        end = time.monotonic() + SECONDS
        while (answer := post(f"{self.instance.http}/", TEXT)) != german:
            self.assertLess(time.monotonic(), end, answer)
            time.sleep(0.05)
        self.assertEqual(self.instance.processes(), before)

    def test_a_file_with_the_address_of_Python_modules_is_refused_and_says_why(self):
        self.deploy(mapped(file("hello")))
        result = self.instance.deploy(file("fruit_and_math"))
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"serve\.yaml:9:18: .*working_dir.*: nothing is fetched")
        self.check("hello")


    def test_a_file_for_more_nodes_than_there_are_is_refused_and_says_why(self):
        result = self.instance.deploy(mapped(file("fruit_and_math")).replace("per_node: 2", "per_node: 1"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("'fruit_app/MangoStand': 2 replicas, of which 1 fit: each may have 1 replica on a node", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
