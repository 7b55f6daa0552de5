"""Holds answers of Swerve's REST API against the models of Ray Serve's own client.

    python3 dev/check-ray-shapes.py [FILE...]

FILE is an answer to GET /api/serve/applications/; by default the one that the tests compare with. It needs the package
`ray[serve]`, in the version that Sources/SwerveConfig/Ray/RayREST.swift names.
"""

import json
import pathlib
import sys
import warnings

from ray.serve.schema import ServeDeploySchema, ServeInstanceDetails

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "Tests/SwerveConfigTests/ray-details.json"


def check(path):
    answer = json.loads(path.read_text())
    details = ServeInstanceDetails(**answer)
    status = details._get_status()
    for name, application in status.applications.items():
        print(f"{path.name}: {name}: {application.status.value}")
        for deployment, overview in application.deployments.items():
            print(f"  {deployment}: {overview.status.value} {overview.status_trigger.value} {overview.replica_states}")
    # What the client's `config` command prints can be deployed again.
    configs = [app.deployed_app_config for app in details.applications.values() if app.deployed_app_config]
    ServeDeploySchema(applications=[config.model_dump(exclude_unset=True) for config in configs])
    details._get_user_facing_json_serializable_dict(exclude_unset=True)


def main():
    warnings.simplefilter("ignore")
    paths = [pathlib.Path(name) for name in sys.argv[1:]] or [DEFAULT]
    for path in paths:
        check(path)


if __name__ == "__main__":
    main()
