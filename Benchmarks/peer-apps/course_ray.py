"""The course's application on Ray Serve: course_ray.py PORT FOLDER MODEL THREADS.

`Ingress`, `SharpenThenSegment` and `Segmenter` have the notebook's bodies. What today's versions and a machine without a
GPU force:

* SegformerImageProcessorPil in place of SegformerFeatureExtractor, which transformers no longer has; without torchvision,
  it is the class for Pillow's pictures.
* One `await` for a call by handle. The notebook awaits the call, and then its result.
* The request's body is a picture file. The notebook unpickles it, which runs code that the client chose.
* `max_ongoing_requests=100`: `max_concurrent_queries` under its present name, with its default of then. Today's is 5.
* Half a core for each replica, so that three fit on two cores, and no GPU. Ray would give torch one thread for it, so the
  number of threads is set.

A client that accepts application/x-npy gets the class map as an array, so that the two sides can be compared.
"""

import io
import signal
import sys

import numpy
import ray
from PIL import Image, ImageEnhance
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

OPTIONS = {"max_ongoing_requests": 100, "ray_actor_options": {"num_cpus": 0.5}}


@serve.deployment(**OPTIONS)
class Segmenter:
    def __init__(self, model_name: str, threads: int):
        import torch
        from transformers import SegformerForSemanticSegmentation
        from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil

        torch.set_num_threads(threads)
        self.torch = torch
        self.processor = SegformerImageProcessorPil.from_pretrained(model_name, do_reduce_labels=True)
        self.model = SegformerForSemanticSegmentation.from_pretrained(model_name)

    def segment(self, image: Image.Image) -> numpy.ndarray:
        inputs = self.processor(images=[image], return_tensors="pt")
        with self.torch.no_grad():
            outputs = self.model(pixel_values=inputs.pixel_values)
        maps = self.processor.post_process_semantic_segmentation(outputs, target_sizes=[(image.height, image.width)])
        return maps[0].numpy()


@serve.deployment(**OPTIONS)
class SharpenThenSegment:
    def __init__(self, segmenter_service):
        self.segmenter_service = segmenter_service

    def sharpen(self, image: Image.Image) -> Image.Image:
        return ImageEnhance.Sharpness(image).enhance(8)

    async def process(self, image: Image.Image) -> numpy.ndarray:
        return await self.segmenter_service.segment.remote(self.sharpen(image))


@serve.deployment(**OPTIONS)
class Ingress:
    def __init__(self, processor):
        self.processor = processor

    async def __call__(self, request: Request) -> Response:
        image = Image.open(io.BytesIO(await request.body())).convert("RGB")
        labels = await self.processor.process.remote(image)
        file = io.BytesIO()
        if request.headers.get("accept") == "application/x-npy":
            numpy.save(file, labels.astype("uint8"))
            return Response(file.getvalue(), media_type="application/x-npy")
        Image.fromarray(labels.astype("uint8")).save(file, format="JPEG")
        headers = {"Content-Disposition": 'inline; filename="segmented.jpg"'}
        return Response(file.getvalue(), headers=headers, media_type="image/jpeg")


def main(port: int, folder: str, model: str, threads: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ray.init(include_dashboard=False, logging_level="error", _temp_dir=folder, _node_ip_address="127.0.0.1")
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        segmenter = Segmenter.bind(model, threads)
        serve.run(Ingress.bind(SharpenThenSegment.bind(segmenter)))
        while True:
            signal.pause()
    finally:
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
