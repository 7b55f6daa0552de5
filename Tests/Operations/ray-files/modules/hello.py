"""The greeting of the guide to arguments."""

from ray import serve


@serve.deployment
class HelloWorld:
    def __init__(self, message):
        self.message = message

    def __call__(self, request):
        return self.message


def app_builder(args):
    return HelloWorld.bind(args["message"])
