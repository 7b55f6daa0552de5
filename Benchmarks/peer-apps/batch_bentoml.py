"""Batches on BentoML: bentoml serve batch_bentoml:Fixed, or batch_bentoml:Adaptive."""

import asyncio

import bentoml

# More than the clients have under way, so that nothing but the batches limits them.
TRAFFIC = {"timeout": 60, "max_concurrency": 4096}
# No server here writes a line per request.
LOGGING = {"access": {"enabled": False}}


@bentoml.service(workers=1, traffic=TRAFFIC, logging=LOGGING)
class Fixed:
    """A batch takes 10 ms. Nothing is refused, because nothing waits for as long as a second."""

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    async def run(self, numbers: list[int]) -> list[int]:
        await asyncio.sleep(0.010)
        return numbers


@bentoml.service(workers=1, traffic=TRAFFIC, logging=LOGGING)
class Adaptive:
    """A batch takes 5 ms, and 0.5 ms for each item. An answer is wanted within 50 ms."""

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=50)
    async def run(self, numbers: list[int]) -> list[int]:
        await asyncio.sleep(0.005 + 0.0005 * len(numbers))
        return numbers
