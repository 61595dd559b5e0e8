"""A bare client of the image models' tensor contract, for tests: raw stubs on grpc.aio, one stream per request."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from PIL import Image
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc


class RequestFailed(Exception):
    """What the backend said instead of an answer."""


@dataclass
class Drawn:
    """All responses of a request."""

    progress: list[float] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    files_before_the_end: int = 0

    @property
    def pictures(self) -> list[Image.Image]:
        return [Image.open(io.BytesIO(file)) for file in self.files]

    @property
    def pixels(self) -> bytes:
        (picture,) = self.pictures
        return picture.tobytes()


class ImageClient:
    """Talks to one Triton."""

    def __init__(self, grpc_address: str) -> None:
        options = [("grpc.max_receive_message_length", 2**28), ("grpc.max_send_message_length", 2**28)]
        self._channel = grpc.aio.insecure_channel(grpc_address, options=options)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    async def close(self) -> None:
        await self._channel.close()

    async def load(self, model: str) -> None:
        await self._stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name=model))

    async def unload(self, model: str) -> None:
        await self._stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name=model))

    async def config(self, model: str) -> Any:
        return (await self._stub.ModelConfig(pb.ModelConfigRequest(name=model))).config

    async def stream(
        self,
        model: str,
        prompt: str | None = "a boat",
        *,
        image: bytes | None = None,
        mask: bytes | None = None,
        **more: Any,
    ) -> AsyncIterator[tuple[float, list[bytes]]]:
        """Progress and files of each response; `more` is sent as JSON."""
        request = pb.ModelInferRequest(model_name=model)
        tensors = {"prompt": prompt, "image": image, "mask": mask, "parameters": json.dumps(more) if more else None}
        for name, value in tensors.items():
            if value is not None:
                data = value.encode() if isinstance(value, str) else value
                request.inputs.add(name=name, shape=[1], datatype="BYTES")
                request.raw_input_contents.append(struct.pack("<I", len(data)) + data)
        call = self._stub.ModelStreamInfer()
        try:
            await call.write(request)
            await call.done_writing()
            while (message := await call.read()) is not grpc.aio.EOF:
                if message.error_message:
                    raise RequestFailed(message.error_message)
                outputs = dict(
                    zip(
                        (output.name for output in message.infer_response.outputs),
                        message.infer_response.raw_output_contents,
                        strict=True,
                    )
                )
                yield struct.unpack("<f", outputs["progress"])[0], _files(outputs["image"])
        finally:
            call.cancel()

    async def draw(self, model: str, prompt: str = "a boat", **more: Any) -> Drawn:
        """The whole answer, in two steps unless it says otherwise."""
        drawn = Drawn()
        async for progress, files in self.stream(model, prompt, **({"num_inference_steps": 2} | more)):
            drawn.files_before_the_end += len(drawn.files)
            drawn.progress.append(progress)
            drawn.files = files
        return drawn


def _files(raw: bytes) -> list[bytes]:
    files, place = [], 0
    while place < len(raw):
        (length,) = struct.unpack_from("<I", raw, place)
        files.append(raw[place + 4 : place + 4 + length])
        place += 4 + length
    return files
