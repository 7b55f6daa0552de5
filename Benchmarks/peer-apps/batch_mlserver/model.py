"""Batches on MLServer: mlserver start FOLDER, with its port in MLSERVER_HTTP_PORT."""

import asyncio

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Batch(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, request: InferenceRequest) -> InferenceResponse:
        await asyncio.sleep(0.010)
        numbers = request.inputs[0]
        output = ResponseOutput(name="y", shape=numbers.shape, datatype=numbers.datatype, data=numbers.data)
        return InferenceResponse(model_name=self.name, outputs=[output])
