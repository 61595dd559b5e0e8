"""A model's own tokenizer, asked through its engine: no file of the model's host is needed here.

Knows the tensors of docs/backend.md (Tokens); knows no dialect.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

from tritonclient.grpc import service_pb2

from gateway.engine import contract
from gateway.engine.client import TritonClient
from gateway.engine.tensors import add_token_ids, decode_strings, encode_strings
from modelyard.errors import EngineError

_Outputs = dict[str, bytes]


class Streaming(Protocol):
    """Models that are asked over a stream, which those with one answer take too; `Replicas` is it."""

    def stream(
        self, model: str, ask: Callable[[TritonClient], AsyncGenerator[_Outputs, None]]
    ) -> AsyncGenerator[_Outputs, None]: ...


class EngineTokenizer:
    """Fits `Tokenizing` of the domain. Raises InvalidInput where the engine has no such thing, as vLLM's."""

    def __init__(self, tritons: Streaming, *, timeout_s: float | None) -> None:
        self._tritons = tritons
        self._timeout_s = timeout_s

    async def tokenize(self, model: str, text: str, *, special_tokens: bool = True) -> Sequence[int]:
        rpc = _rpc(model, "tokenize", text)
        rpc.inputs.add(name=contract.ADD_SPECIAL_TOKENS, datatype=contract.BOOL, shape=(1,))
        rpc.raw_input_contents.append(bytes([special_tokens]))
        return to_ids(model, await self._ask(model, rpc))

    async def detokenize(self, model: str, ids: Sequence[int]) -> str:
        rpc = _rpc(model, "detokenize", "")
        add_token_ids(rpc, ids)
        return to_text(model, await self._ask(model, rpc))

    async def _ask(self, model: str, rpc: service_pb2.ModelInferRequest) -> _Outputs:
        responses = self._tritons.stream(
            model, lambda client: client.stream(model, rpc, _Reader(), timeout_s=self._timeout_s)
        )
        outputs: _Outputs = {}
        async with aclosing(responses):
            async for each in responses:
                outputs |= each
        return outputs


class _Reader:
    """Each output's bytes by its name."""

    def __init__(self) -> None:
        self.finished = False

    def read(self, rpc: service_pb2.ModelInferResponse) -> Sequence[_Outputs]:
        # A model with one answer marks it as the last by itself.
        self.finished |= contract.IS_FINAL in rpc.parameters and rpc.parameters[contract.IS_FINAL].bool_param
        named = zip(rpc.outputs, rpc.raw_output_contents, strict=True)
        return [{output.name: raw for output, raw in named}] if rpc.outputs else []


def to_ids(model: str, outputs: Mapping[str, bytes]) -> tuple[int, ...]:
    """What tokenize has answered. Raises EngineError."""
    try:
        raw = outputs[contract.TOKEN_IDS]
        return struct.unpack(f"<{len(raw) // 4}i", raw)
    except (KeyError, struct.error) as error:
        raise _broken(model) from error


def to_text(model: str, outputs: Mapping[str, bytes]) -> str:
    """What detokenize has answered. Raises EngineError."""
    try:
        (text,) = decode_strings(outputs[contract.TEXT_OUTPUT])
    except (KeyError, ValueError) as error:
        raise _broken(model) from error
    return text.decode("utf-8", "replace")


def _rpc(model: str, operation: str, text: str) -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name=model)
    rpc.parameters[contract.WANT_FINAL].bool_param = True
    for name, value in ((contract.TEXT_INPUT, text), (contract.OPERATION, operation)):
        rpc.inputs.add(name=name, datatype=contract.BYTES, shape=(1,))
        rpc.raw_input_contents.append(encode_strings([value.encode()]))
    return rpc


def _broken(model: str) -> EngineError:
    return EngineError(f"the model '{model}' does not keep the contract of tokens")
