"""Batches on Ray Serve: batch_ray.py PORT FOLDER."""

import asyncio
import signal
import sys

import ray
from ray import serve


@serve.deployment(max_ongoing_requests=1000)
class Batch:
    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.005)
    async def run(self, numbers):
        await asyncio.sleep(0.010)
        return numbers

    async def __call__(self, request):
        return str(await self.run(1))


port, folder = int(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ray.init(include_dashboard=False, logging_level="error", _temp_dir=folder, _node_ip_address="127.0.0.1")
try:
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Batch.bind())
    while True:
        signal.pause()
finally:
    serve.shutdown()
    ray.shutdown()
