"""What ray_files.py and record_ray.py share: the example files, the requests, and how an instance's details are compared."""

import json
import re
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).parent / "ray-files"
RECORDED = FOLDER / "recorded.json"
SECONDS = 60
TEXT = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief"
)
# The requests of Ray's guides, and some more.
REQUESTS = {
    "text_ml": [("/", TEXT), ("/", "It was the age of wisdom")],
    "fruit_and_math": [
        ("/fruit/", ["MANGO", 2]), ("/fruit", ["ORANGE", 1.5]), ("/fruit/", ["PEAR", 12]), ("/fruit/", ["KIWI", 1]),
        ("/calc/", ["MUL", 3]), ("/calc/", ["ADD", 2]),
    ],
    "model_composition": [("/", None)],
    "hello": [("/", None)],
}
# The options that Ray shows and an instance does not: they have no effect, or are given in another way. docs/CONFIG.md
# says which, and why.
NOT_SHOWN = {
    "backpressure_config", "graceful_shutdown_wait_loop_s", "max_surge_percent", "request_router_config",
    "rolling_update_percentage", "autoscaling_config.metrics_interval_s", "autoscaling_config.policy",
    "autoscaling_config.smoothing_factor", "ray_actor_options.runtime_env",
}


def file(name):
    return (FOLDER / f"{name}.yaml").read_text()


def without_address(text):
    """The file without the address of the Python modules, which nothing fetches here."""
    return re.sub(r"(?m)^ *runtime_env:\n *working_dir: http.*\n", "", text)


def for_one_node(text):
    """The file for a cluster that has one node, where the operator's sample has two."""
    return text.replace("max_replicas_per_node: 1", "max_replicas_per_node: 2")


def post(url, content):
    """What is answered to JSON: the value if it is JSON, too, else the text."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(content).encode(), headers)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        text = answer.read().decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


def answers(name, url):
    return [post(f"{url}{path}", content) for path, content in REQUESTS[name]]


def summary(details):
    """The applications of `GET /api/serve/applications/`, without what differs from run to run."""
    return {name: application(shown) for name, shown in details["applications"].items()}


def application(shown):
    topology = shown["deployment_topology"] or {"nodes": {}, "ingress_deployment": None}
    return {
        "route_prefix": shown["route_prefix"],
        "status": shown["status"],
        "ingress": topology["ingress_deployment"],
        "deployments": {
            name: {
                "status": deployment["status"],
                "target_num_replicas": deployment["target_num_replicas"],
                "running": sum(replica["state"] == "RUNNING" for replica in deployment["replicas"]),
                "calls": sorted(
                    other["name"] for other in topology["nodes"].get(name, {}).get("outbound_deployments", [])
                ),
            }
            for name, deployment in shown["deployments"].items()
        },
    }


def options(config):
    """The options of a deployment by name, those in mappings as `mapping.name`, without those that are not shown."""
    found = {}
    for name, value in config.items():
        if name in ("ray_actor_options", "autoscaling_config"):
            found |= {f"{name}.{inner}": value for inner, value in (value or {}).items()}
        else:
            found[name] = value
    return {name: value for name, value in found.items() if name not in NOT_SHOWN and value is not None}


def all_options(details):
    return {
        name: {
            deployment: options(status["deployment_config"]) for deployment, status in shown["deployments"].items()
        }
        for name, shown in details["applications"].items()
    }
