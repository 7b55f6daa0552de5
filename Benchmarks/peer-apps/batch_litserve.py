"""Batches on LitServe: batch_litserve.py PORT."""

import sys
import time

import litserve


class Batch(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request

    def batch(self, inputs):
        return inputs

    def predict(self, numbers):
        time.sleep(0.010)
        return numbers

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Batch(max_batch_size=32, batch_timeout=0.005), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="error", generate_client_file=False)
