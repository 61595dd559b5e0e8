"""A bare client of the encoders' tensor contracts, for tests: unary calls on grpc.aio, arrays in and out."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import grpc.aio
import httpx
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

_CODES = {"INVALID_ARG": grpc.StatusCode.INVALID_ARGUMENT, "UNAVAILABLE": grpc.StatusCode.UNAVAILABLE}
_NUMBERS = {"FP32": np.float32, "UINT32": np.uint32, "INT32": np.int32}
_KINDS = {"i": "INT32", "b": "BOOL"}


class EncoderClient:
    """Talks to one Triton."""

    def __init__(self, grpc_address: str, metrics_url: str) -> None:
        self._channel = grpc.aio.insecure_channel(grpc_address)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._metrics_url = metrics_url

    async def close(self) -> None:
        await self._channel.close()

    async def load(self, model: str) -> None:
        await self._stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name=model))

    async def unload(self, model: str) -> None:
        await self._stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name=model))

    async def config(self, model: str) -> Any:
        return (await self._stub.ModelConfig(pb.ModelConfigRequest(name=model))).config

    async def ask(self, model: str, **inputs: Sequence[str] | Sequence[bytes] | str | int) -> dict[str, Any]:
        """The outputs by name. Raises grpc.aio.AioRpcError with the backend's sentence."""
        response = await self._stub.ModelInfer(_request(model, inputs))
        return {
            output.name: _array(output, raw)
            for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)
        }

    async def refused(self, model: str, **inputs: Any) -> str:
        """What the backend says against a request; its code must be the one in the sentence."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(model, **inputs)
        told = caught.value.details() or ""
        assert caught.value.code() is _CODES[told[1 : told.index("]")]], (caught.value.code(), told)
        return told

    async def metric(self, name: str, model: str, **labels: str) -> float:
        async with httpx.AsyncClient(trust_env=False) as http:
            lines = (await http.get(self._metrics_url)).text.splitlines()
        wanted = {"model": model, **labels}
        for line in lines:
            if line.startswith(f"{name}{{") and all(f'{key}="{value}"' in line for key, value in wanted.items()):
                return float(line.rpartition(" ")[2])
        return 0.0


def _request(model: str, inputs: dict[str, Any]) -> Any:
    request = pb.ModelInferRequest(model_name=model)
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            request.inputs.add(name=name, shape=value.shape, datatype=_KINDS[value.dtype.kind])
            request.raw_input_contents.append(value.tobytes())
            continue
        values = list(value) if isinstance(value, list | tuple) else [value]
        tensor = request.inputs.add(name=name, shape=[len(values)])
        if values and isinstance(values[0], int):
            tensor.datatype = "INT32"
            request.raw_input_contents.append(struct.pack(f"<{len(values)}i", *values))
        else:
            tensor.datatype = "BYTES"
            texts = [each.encode() if isinstance(each, str) else each for each in values]
            request.raw_input_contents.append(b"".join(struct.pack("<I", len(text)) + text for text in texts))
    return request


def _array(output: Any, raw: bytes) -> Any:
    if output.datatype != "BYTES":
        return np.frombuffer(raw, _NUMBERS[output.datatype]).reshape(list(output.shape))
    values, place = [], 0
    while place < len(raw):
        (length,) = struct.unpack_from("<I", raw, place)
        values.append(raw[place + 4 : place + 4 + length].decode())
        place += 4 + length
    return values
