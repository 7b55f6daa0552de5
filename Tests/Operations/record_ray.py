#!/usr/bin/env python3
"""Deploys the example files into Ray Serve, with the Python modules in ray-files/modules, and writes what it shows and
answers to ray-files/recorded.json, which ray_files.py compares an instance with.

    .venv-operations/bin/python Tests/Operations/record_ray.py

Ray gets the files without `runtime_env`, which in them only says how Python gets its modules. It runs on one node and
ends with this script.
"""

import json
import os
import shutil
import socket
import tempfile
import time

import yaml
from ray_shapes import FOLDER, RECORDED, REQUESTS, SECONDS, all_options, answers, file, for_one_node, summary

# For how long the details must stay as they are.
STEADY_SECONDS = 8


def steady(client, names):
    """The details, once they are those of the applications and do not change any more."""
    end = time.monotonic() + SECONDS
    last, since = None, 0
    while time.monotonic() < end:
        details = client.get_serve_details()
        now = summary(details)
        if now != last:
            last, since = now, time.monotonic()
        elif set(now) == names and time.monotonic() - since > STEADY_SECONDS:
            return details
        time.sleep(0.2)
    raise SystemExit(f"it does not come to rest: {last}")


def record(client, name, url):
    from ray.serve.schema import ServeDeploySchema

    config = yaml.safe_load(for_one_node(file(name)))
    for application in config["applications"]:
        application.pop("runtime_env", None)
    wanted = ServeDeploySchema(**config)
    client.deploy_apps(wanted)
    details = steady(client, {application.name for application in wanted.applications})
    return {
        "applications": summary(details), "options": all_options(details), "answers": answers(name, url),
    }


def main():
    os.environ |= {
        "PYTHONPATH": str(FOLDER / "modules"), "RAY_USAGE_STATS_ENABLED": "0",
        # A machine that is busy otherwise may need longer than Ray has patience.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    }
    import ray
    from ray import serve
    from ray.serve.context import _get_global_client

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    # Short, because it holds Unix sockets.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    ray.init(num_cpus=16, include_dashboard=False, logging_level="error", _temp_dir=folder)
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        client = _get_global_client()
        recorded = {name: record(client, name, f"http://127.0.0.1:{port}") for name in REQUESTS}
    finally:
        serve.shutdown()
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps({"ray": ray.__version__, "files": recorded}, indent=2, sort_keys=True, ensure_ascii=False)
    RECORDED.write_text(text + "\n")


if __name__ == "__main__":
    main()
