"""A no-op of LitServe: noop_litserve.py PORT."""

import sys

import litserve


class NoOp(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request

    def predict(self, value):
        return "ok"

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    server = litserve.LitServer(NoOp(), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="error", generate_client_file=False)
