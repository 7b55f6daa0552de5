"""A no-op of Ray Serve: noop_ray.py PORT FOLDER."""

import signal
import sys

import ray
from ray import serve


@serve.deployment(max_ongoing_requests=1000)
class NoOp:
    async def __call__(self, request):
        return "ok"


port, folder = int(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
# Many logical CPUs, so that the placement of actors never limits.
ray.init(num_cpus=16, include_dashboard=False, logging_level="error", _temp_dir=folder)
try:
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(NoOp.bind())
    while True:
        signal.pause()
finally:
    serve.shutdown()
    ray.shutdown()
