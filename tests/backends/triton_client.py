"""A bare client of the language models' tensor contract, for tests: raw stubs on grpc.aio, one stream per request."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import httpx
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

RETURNS = (
    "return_finish_reason",
    "return_cumulative_logprob",
    "return_logprobs",
    "return_num_input_tokens",
    "return_num_output_tokens",
)


class RequestFailed(Exception):
    """What the backend said instead of an answer."""


@dataclass(frozen=True)
class Response:
    """One response: each output as a list, by name."""

    outputs: dict[str, list[Any]]
    final: bool

    def __getattr__(self, name: str) -> list[Any]:
        return self.outputs[name]


@dataclass
class Answer:
    """All responses of a request put together, for n sequences."""

    texts: list[str] = field(default_factory=list)
    finish_reasons: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    logprobs: list[list[tuple[int, dict[str, Any]]]] = field(default_factory=list)
    cumulative_logprobs: list[float] = field(default_factory=list)
    prompt_tokens: int = 0
    responses: int = 0

    @property
    def text(self) -> str:
        assert len(self.texts) == 1
        return self.texts[0]

    @property
    def finish_reason(self) -> str:
        assert len(self.finish_reasons) == 1
        return self.finish_reasons[0]

    @property
    def ids(self) -> list[list[int]]:
        """The token ids, known where logprobs were asked for."""
        return [[token for token, _ in each] for each in self.logprobs]


class Client:
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

    async def ready(self, model: str) -> bool:
        return bool((await self._stub.ModelReady(pb.ModelReadyRequest(name=model))).ready)

    async def config(self, model: str) -> Any:
        return (await self._stub.ModelConfig(pb.ModelConfigRequest(name=model))).config

    async def stream(
        self,
        prompt: str,
        model: str = "tiny",
        *,
        tensors: dict[str, Any] | None = None,
        parameters: dict[str, int] | None = None,
        **sampling: Any,
    ) -> AsyncIterator[Response]:
        """The responses, one by one; `tensors` are inputs beside the prompt, `sampling` is sent as JSON."""
        inputs = {"text_input": prompt, "stream": True, "sampling_parameters": json.dumps(sampling), **(tensors or {})}
        request = _request(model, {name: value for name, value in inputs.items() if value is not None})
        for name, value in (parameters or {}).items():
            request.parameters[name].int64_param = value
        # Without the header triton_grpc_error: with it, Triton 2.51 dies now and then when a request fails while its
        # client hangs up or half-closes. An error comes as text in the stream instead.
        call = self._stub.ModelStreamInfer()
        try:
            await call.write(request)
            await call.done_writing()
            while (message := await call.read()) is not grpc.aio.EOF:
                if message.error_message:
                    raise RequestFailed(message.error_message)
                yield _response(message.infer_response)
        finally:
            call.cancel()

    async def ask(
        self, prompt: str, model: str = "tiny", *, tensors: dict[str, Any] | None = None, **more: Any
    ) -> Answer:
        """The whole answer, streamed unless `tensors` says otherwise, with every figure that can be returned."""
        wanted = dict.fromkeys(RETURNS, True) | (tensors or {})
        answer = Answer()
        async for response in self.stream(prompt, model, tensors=wanted, **more):
            _add(answer, response)
        return answer

    async def metrics(self) -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(self._metrics_url)).text

    async def metric(self, name: str, model: str = "tiny", **labels: str) -> float:
        """A figure of the model, 0 where it was never told."""
        for line in (await self.metrics()).splitlines():
            found = re.fullmatch(rf"{name}\{{(.*)\}} (\S+)", line)
            wanted = {"model": model, **labels}
            if found and all(f'{key}="{value}"' in found[1] for key, value in wanted.items()):
                return float(found[2])
        return 0.0

    async def metric_becomes(self, value: float, name: str, model: str = "tiny", **labels: str) -> None:
        """Wait until a figure has a value; the test's own time limit ends a wait in vain."""
        while await self.metric(name, model, **labels) != value:  # noqa: ASYNC110 - Triton tells only who asks
            await asyncio.sleep(0.02)


def _request(model: str, inputs: dict[str, Any]) -> Any:
    request = pb.ModelInferRequest(model_name=model)
    request.parameters["triton_enable_empty_final_response"].bool_param = True
    for name, value in inputs.items():
        values = value if isinstance(value, list) else [value]
        tensor = request.inputs.add(name=name, shape=[len(values)])
        if isinstance(values[0], bool):
            tensor.datatype = "BOOL"
            request.raw_input_contents.append(bytes(values))
        elif isinstance(values[0], int):
            tensor.datatype = "INT32"
            request.raw_input_contents.append(struct.pack(f"<{len(values)}i", *values))
        else:
            tensor.datatype = "BYTES"
            texts = [each.encode() if isinstance(each, str) else each for each in values]
            request.raw_input_contents.append(b"".join(struct.pack("<I", len(text)) + text for text in texts))
    return request


def _response(wire: Any) -> Response:
    outputs = {
        output.name: _values(output.datatype, raw)
        for output, raw in zip(wire.outputs, wire.raw_output_contents, strict=True)
    }
    return Response(outputs, wire.parameters["triton_final_response"].bool_param)


def _values(datatype: str, raw: bytes) -> list[Any]:
    if datatype == "BYTES":
        values, place = [], 0
        while place < len(raw):
            (length,) = struct.unpack_from("<I", raw, place)
            values.append(raw[place + 4 : place + 4 + length].decode())
            place += 4 + length
        return values
    return [value for (value,) in struct.iter_unpack({"UINT32": "<I", "INT32": "<i", "FP32": "<f"}[datatype], raw)]


def _add(answer: Answer, response: Response) -> None:
    if not response.outputs:
        return
    count = len(response.text_output)
    if not answer.texts:
        answer.texts, answer.tokens = [""] * count, [0] * count
        answer.logprobs = [[] for _ in range(count)]
    answer.responses += 1
    answer.texts = [old + new for old, new in zip(answer.texts, response.text_output, strict=True)]
    answer.tokens = [old + new for old, new in zip(answer.tokens, response.num_output_tokens, strict=True)]
    answer.finish_reasons = response.finish_reason
    answer.cumulative_logprobs = response.cumulative_logprob
    (answer.prompt_tokens,) = response.num_input_tokens
    for each, new in zip(answer.logprobs, map(json.loads, response.logprobs), strict=True):
        each += [(int(token), about) for entry in new or [] for token, about in entry.items()]
