"""The calculator of the operator's sample. Its variables overrule what the file configures, unless the file replaces
them."""

import os

from ray import serve


def options(**variables):
    return {"num_cpus": 0.1, "runtime_env": {"env_vars": variables}} if variables else {"num_cpus": 0.1}


@serve.deployment(user_config={"factor": 3}, ray_actor_options=options(override_factor="-2"))
class Multiplier:
    def __init__(self, factor):
        self.factor = factor

    def reconfigure(self, config):
        self.factor = config.get("factor", -1)

    def multiply(self, number):
        return number * int(os.environ.get("override_factor", self.factor))


@serve.deployment(user_config={"increment": 2}, ray_actor_options=options(override_increment="-2"))
class Adder:
    def __init__(self, increment):
        self.increment = increment

    def reconfigure(self, config):
        self.increment = config.get("increment", -1)

    def add(self, number):
        return number + int(os.environ.get("override_increment", self.increment))


@serve.deployment(ray_actor_options=options())
class Router:
    def __init__(self, multiplier, adder):
        self.methods = {"MUL": multiplier.multiply, "ADD": adder.add}

    async def __call__(self, request):
        operation, number = await request.json()
        return f"{await self.methods[operation].remote(number)} pizzas please!"


serve_dag = Router.bind(Multiplier.bind(1), Adder.bind(1))
