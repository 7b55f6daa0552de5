"""The model composition of the guide to autoscaling."""

import time

from ray import serve


class Load:
    def __init__(self, answer, seconds):
        self.answer, self.seconds = answer, seconds

    def load(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            pass
        return self.answer


@serve.deployment
class Driver:
    def __init__(self, heavy, light):
        self.heavy, self.light = heavy, light

    async def __call__(self, request):
        answers = self.heavy.load.remote(), self.light.load.remote()
        return [await answer for answer in answers]


app = Driver.bind(
    serve.deployment(Load, name="HeavyLoad").bind("heavy", 0.2),
    serve.deployment(Load, name="LightLoad").bind("light", 0.1),
)
