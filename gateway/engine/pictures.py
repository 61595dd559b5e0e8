"""A request for pictures becomes tensors, and the responses become progress and files.

Knows the tensors of docs/backends/images.md; knows no dialect and no pixels.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol

import orjson
from tritonclient.grpc import service_pb2

from gateway.domain.drawing import DrawEvent, Drawn, DrawProgress, DrawRequest
from gateway.engine import contract
from gateway.engine.client import TritonClient
from gateway.engine.encoders import named_outputs
from gateway.engine.tensors import decode_strings, encode_strings
from modelyard.errors import EngineError, InvalidInput

# Our name of a field and the contract's, where they differ.
_PARAMETERS = {
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
    "steps": "num_inference_steps",
    "guidance_scale": "guidance_scale",
    "n": "num_images_per_prompt",
    "seed": "seed",
    "strength": "strength",
}
_OURS = {theirs: ours for ours, theirs in _PARAMETERS.items()} | {"lora": "adapters"}


class Streaming(Protocol):
    """Models that give many answers; `Replicas` is it."""

    def stream(
        self, model: str, ask: Callable[[TritonClient], AsyncGenerator[DrawEvent, None]]
    ) -> AsyncGenerator[DrawEvent, None]: ...


class Pictures:
    """Pictures from Triton."""

    def __init__(self, tritons: Streaming, *, timeout_s: float | None) -> None:
        self._tritons = tritons
        self._timeout_s = timeout_s

    async def draw(self, model: str, request: DrawRequest) -> AsyncGenerator[DrawEvent, None]:
        """Raises EngineError where the last response had no picture."""
        rpc = draw_rpc(model, request)
        events = self._tritons.stream(
            model, lambda client: client.stream(model, rpc, PictureReader(), timeout_s=self._timeout_s)
        )
        drawn = False
        try:
            async for event in events:
                drawn = isinstance(event, Drawn)
                yield event
        except InvalidInput as error:
            error.field = _OURS.get(error.field or "", error.field)
            raise
        finally:
            await events.aclose()
        if not drawn:
            raise EngineError(f"the model '{model}' ended without a picture")


def draw_rpc(model: str, request: DrawRequest) -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name=model)
    rpc.parameters[contract.WANT_FINAL].bool_param = True
    given: dict[str, Any] = {theirs: getattr(request, ours) for ours, theirs in _PARAMETERS.items()}
    parameters = {name: value for name, value in given.items() if value is not None}
    if request.adapters:
        parameters["lora"] = dict(request.adapters)
    tensors = {
        "prompt": request.prompt.encode(),
        "image": request.image,
        "mask": request.mask,
        "parameters": orjson.dumps(parameters) if parameters else None,
    }
    for name, value in tensors.items():
        if value is not None:
            rpc.inputs.add(name=name, datatype=contract.BYTES, shape=(1,))
            rpc.raw_input_contents.append(encode_strings([value]))
    return rpc


class PictureReader:
    """Makes events of the responses of one request."""

    def __init__(self) -> None:
        self.finished = False

    def read(self, rpc: service_pb2.ModelInferResponse) -> Sequence[DrawEvent]:
        events: list[DrawEvent] = []
        outputs = named_outputs(rpc)
        if outputs:
            try:
                (share,) = struct.unpack("<f", outputs["progress"])
            except struct.error as error:
                raise ValueError("progress is one number") from error
            events.append(DrawProgress(share))
            if files := decode_strings(outputs["image"]):
                events.append(Drawn(tuple(files)))
        if contract.IS_FINAL in rpc.parameters and rpc.parameters[contract.IS_FINAL].bool_param:
            self.finished = True
        return events
