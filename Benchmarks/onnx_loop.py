"""The bare loop that `segformer_b0_http` compares with: ONNX Runtime on one fixed tensor, nothing else.

Runs in .venv. Prints one line of JSON. With --picture it writes the JPEG for the HTTP clients instead.
"""

import argparse
import json
import time


def write_picture(path):
    """512x512 of shapes and noise, always the same."""
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:512, 0:512]
    noise = np.random.default_rng(1).integers(0, 32, (512, 512, 3))
    shapes = np.stack([rows // 3, columns // 3, ((rows // 64 + columns // 64) % 2) * 160], axis=-1)
    Image.fromarray((shapes + noise).clip(0, 255).astype("uint8")).save(path, "JPEG", quality=90)


def loop(model, threads, seconds):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    tensor = np.random.default_rng(1).standard_normal((1, 3, 512, 512)).astype(np.float32)
    for _ in range(3):
        session.run(None, {name: tensor})
    runs, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        session.run(None, {name: tensor})
        runs += 1
    return runs / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a .onnx file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--picture", metavar="PATH", help="write the clients' picture and end")
    arguments = parser.parse_args()
    if arguments.picture:
        write_picture(arguments.picture)
    else:
        rate = loop(arguments.model, arguments.threads, arguments.seconds)
        print(json.dumps({"images_per_second": rate}))


if __name__ == "__main__":
    main()
