"""The Python side of the benchmarks of SegFormer: Pillow, transformers and ONNX Runtime. bench-vision is the other.

  vision_python.py picture PATH                     writes the picture that both sides work on
  vision_python.py load MODEL                       loads the model once, prints how long it took
  vision_python.py stages MODEL PICTURE SECONDS     prints how often per second each stage ran, on one thread
  vision_python.py serve MODEL PICTURE              loads the model, works, prints "ready" and stays

MODEL is the name of a repository in the hub's cache. Runs in .venv.
"""

import json
import sys
import time


def write_picture(path):
    """1920x1080 of shapes and noise, always the same."""
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:1080, 0:1920]
    noise = np.random.default_rng(1).integers(0, 24, (1080, 1920, 3))
    shapes = np.stack([rows // 6, columns // 10, ((rows // 120 + columns // 120) % 2) * 160], axis=-1)
    Image.fromarray((shapes + noise).clip(0, 255).astype("uint8")).save(path, "JPEG", quality=90)


def loaded(model):
    """What a program with ONNX Runtime does: the processor of transformers, the file from the hub, the session."""
    from huggingface_hub import hf_hub_download
    from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil

    processor = SegformerImageProcessorPil.from_pretrained(model)
    return processor, session_of(hf_hub_download(model, "model.onnx"), threads=1)


def session_of(path, threads):
    """A session on the CPU; `threads` share the work of one run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def load(model):
    # Without the imports, which take longer than all the rest; the whole process is measured from outside.
    import onnxruntime  # noqa: F401
    import transformers.models.segformer.image_processing_pil_segformer  # noqa: F401

    start = time.perf_counter()
    loaded(model)
    print(json.dumps({"milliseconds": (time.perf_counter() - start) * 1e3}))


class Stages:
    def __init__(self, model, picture):
        import torch
        from PIL import Image

        torch.set_num_threads(1)
        self.torch, self.image_class, self.picture = torch, Image, picture
        self.processor, self.session = loaded(model)
        self.image = self.decode()
        self.values = self.preprocess()
        self.logits = self.run()

    def decode(self):
        return self.image_class.open(self.picture).convert("RGB")

    def preprocess(self):
        return self.processor(images=self.image, return_tensors="np")["pixel_values"]

    def run(self):
        return self.session.run(None, {self.session.get_inputs()[0].name: self.values})[0]

    def postprocess(self):
        from types import SimpleNamespace

        output = SimpleNamespace(logits=self.torch.from_numpy(self.logits))
        sizes = [(self.image.height, self.image.width)]
        return self.processor.post_process_semantic_segmentation(output, target_sizes=sizes)[0]


def stages(model, picture, seconds):
    work = Stages(model, picture)
    names = {"decode": work.decode, "preprocess": work.preprocess, "model": work.run, "postprocess": work.postprocess}
    print(json.dumps({name: rate(stage, seconds) for name, stage in names.items()}))


def rate(work, seconds):
    work()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - start)


def serve(model, picture):
    work = Stages(model, picture)
    for _ in range(4):
        work.preprocess(), work.run(), work.postprocess()
    print("ready", flush=True)
    while True:
        time.sleep(3600)


def main():
    command, *rest = sys.argv[1:]
    if command == "picture":
        write_picture(*rest)
    elif command == "load":
        load(*rest)
    elif command == "stages":
        stages(rest[0], rest[1], float(rest[2]))
    elif command == "serve":
        serve(*rest)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
