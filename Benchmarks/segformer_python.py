"""The Python side of the rows `segformer_b0_http.*`: Pillow, transformers, ONNX Runtime and torch, without HTTP.

  segformer_python.py picture PATH                    writes the picture that both sides work on
  segformer_python.py check MODEL PICTURE OUTPUT PATH compares an answer of the server with Python's own
  segformer_python.py rate MODEL PICTURE OUTPUT THREADS PROCESSES SECONDS
                                                      prints how many images per second the processes made together

MODEL is a folder. OUTPUT is `npy` (the class map as an array), `json` (a report with the class map as a PNG) or `bare`
(the model alone, on one fixed tensor; `bare4` on one of four pictures). Runs in .venv.
"""

import base64
import io
import json
import multiprocessing
import sys
import time

WARM_UP_RUNS = 3
START_SECONDS = 120
# Two classes can be equal up to rounding, so the maps of two implementations may differ in a few pixels.
MOST_DIFFERENT = 1e-3
MAP_PREFIX = "data:image/png;base64,"


def write_picture(path):
    """512x512 of shapes and noise, always the same."""
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:512, 0:512]
    noise = np.random.default_rng(1).integers(0, 32, (512, 512, 3))
    shapes = np.stack([rows // 3, columns // 3, ((rows // 64 + columns // 64) % 2) * 160], axis=-1)
    Image.fromarray((shapes + noise).clip(0, 255).astype("uint8")).save(path, "JPEG", quality=90)


class Pipeline:
    """What the server does with a request, from the bytes of the JPEG to the bytes of the answer."""

    def __init__(self, model, picture, output, threads):
        import torch
        from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil
        from vision_python import session_of

        torch.set_num_threads(threads)
        self.torch = torch
        self.processor = SegformerImageProcessorPil.from_pretrained(model)
        self.session = session_of(f"{model}/model.onnx", threads)
        self.input = self.session.get_inputs()[0].name
        with open(picture, "rb") as file:
            self.jpeg = file.read()
        with open(f"{model}/config.json") as file:
            names = json.load(file)["id2label"]
        self.names = [names[str(label)] for label in range(len(names))]
        self.encode = {"npy": npy, "json": self.report}[output]

    def __call__(self):
        return self.encode(self.labels(self.jpeg))

    def labels(self, jpeg):
        """The class of each pixel."""
        from types import SimpleNamespace

        from PIL import Image

        image = Image.open(io.BytesIO(jpeg)).convert("RGB")
        values = self.processor(images=image, return_tensors="np")["pixel_values"]
        logits = self.torch.from_numpy(self.session.run(None, {self.input: values})[0])
        maps = self.processor.post_process_semantic_segmentation(
            SimpleNamespace(logits=logits), target_sizes=[(image.height, image.width)])
        return maps[0].numpy().astype("uint8")

    def report(self, labels):
        """The server's answer to `Accept: application/json`: the classes that occur, and the map as a PNG."""
        import numpy as np

        counts = np.bincount(labels.ravel(), minlength=len(self.names))
        classes = [
            {"label": label, "name": self.names[label], "color": "#{:02x}{:02x}{:02x}".format(*color_of(label)),
             "pixels": int(counts[label]), "share": counts[label] / labels.size}
            for label in map(int, np.argsort(-counts, kind="stable")) if counts[label]]
        picture = MAP_PREFIX + base64.b64encode(png(labels, len(self.names))).decode()
        report = {"width": labels.shape[1], "height": labels.shape[0], "classes": classes, "map": picture}
        return json.dumps(report).encode()


def npy(labels):
    import numpy as np

    file = io.BytesIO()
    np.save(file, labels)
    return file.getvalue()


def png(labels, classes):
    """A picture of indices with a palette, compressed as little as the server does it."""
    from PIL import Image

    picture = Image.fromarray(labels, "P")
    picture.putpalette([part for label in range(classes) for part in color_of(label)])
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def color_of(label):
    """Its colour in Pascal VOC: three bits of the label at a time, from the highest bit of each colour down."""
    red = green = blue = 0
    for shift in range(7, -1, -1):
        red |= (label & 1) << shift
        green |= (label >> 1 & 1) << shift
        blue |= (label >> 2 & 1) << shift
        label >>= 3
    return red, green, blue


def bare(model, threads, size):
    """One run of the model on so many pictures, and nothing else."""
    import numpy as np
    from vision_python import session_of

    session = session_of(f"{model}/model.onnx", threads)
    name = session.get_inputs()[0].name
    tensor = np.random.default_rng(1).standard_normal((size, 3, 512, 512)).astype(np.float32)
    return lambda: session.run(None, {name: tensor})


def contents(answer):
    """The class map of an answer, and what a report says of each class: name, colour, entry in the palette."""
    import numpy as np
    from PIL import Image

    if answer.startswith(b"\x93NUMPY"):
        return np.load(io.BytesIO(answer)), {}
    report = json.loads(answer)
    picture = Image.open(io.BytesIO(base64.b64decode(report["map"].removeprefix(MAP_PREFIX))))
    palette = picture.getpalette()
    classes = {each["label"]: (each["name"], each["color"], *palette[each["label"] * 3:each["label"] * 3 + 3])
               for each in report["classes"]}
    return np.asarray(picture), classes


def check(model, picture, output, path):
    """Ends with a message unless the server did the same work."""
    with open(path, "rb") as file:
        theirs, their_classes = contents(file.read())
    mine, my_classes = contents(Pipeline(model, picture, output, threads=1)())
    if (theirs.shape, theirs.dtype) != (mine.shape, mine.dtype):
        sys.exit(f"the maps differ in kind: {theirs.shape} {theirs.dtype}, in Python {mine.shape} {mine.dtype}")
    if (different := float((theirs != mine).mean())) > MOST_DIFFERENT:
        sys.exit(f"the maps differ in {different:.2%} of the pixels")
    # A class with few pixels may occur on one side only.
    if their_classes.keys() & my_classes.keys() != {label for label, _ in their_classes.items() & my_classes.items()}:
        sys.exit("the classes differ in their names or colours")
    if bool(their_classes) != bool(my_classes):
        sys.exit("one of the answers has no classes")


def work(model, picture, output, threads, seconds, barrier, counts):
    """One of the processes: starts, warms up, waits for the others, then works for so long."""
    try:
        is_bare = output.startswith("bare")
        size = int(output.removeprefix("bare") or 1) if is_bare else 1
        step = bare(model, threads, size) if is_bare else Pipeline(model, picture, output, threads)
        for _ in range(WARM_UP_RUNS):
            step()
    except BaseException:
        barrier.abort()
        raise
    barrier.wait(START_SECONDS)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        count += size
    counts.put(count)


def rate(model, picture, output, threads, processes, seconds):
    """Processes rather than threads, so that none waits for the interpreter's lock."""
    context = multiprocessing.get_context("spawn")
    barrier, counts = context.Barrier(processes + 1), context.Queue()
    arguments = (model, picture, output, threads, seconds, barrier, counts)
    for _ in range(processes):
        context.Process(target=work, args=arguments, daemon=True).start()
    barrier.wait(START_SECONDS)
    start = time.perf_counter()
    total = sum(counts.get(timeout=seconds + 60) for _ in range(processes))
    print(json.dumps({"images_per_second": total / (time.perf_counter() - start)}))


def main():
    command, *rest = sys.argv[1:] or [""]
    if command == "picture":
        write_picture(*rest)
    elif command == "check":
        check(*rest)
    elif command == "rate":
        rate(*rest[:3], int(rest[3]), int(rest[4]), float(rest[5]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
