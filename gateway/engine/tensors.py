"""A prompt and its sampling become a ModelInferRequest; a ModelInferResponse becomes events. Pure.

Knows tensors; does not know HTTP, nor how a request gets to Triton.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

import orjson
from tritonclient.grpc import service_pb2

from gateway.domain.generation import (
    EngineEvent,
    Finished,
    FinishReason,
    Sampling,
    TextDelta,
    TokenLogprob,
    Tokens,
    Usage,
)
from gateway.domain.ports import Asked
from gateway.engine import contract
from modelyard.errors import InvalidInput

_FALSE, _TRUE = b"\x00", b"\x01"
_LENGTH: Final = struct.Struct("<I")
_SAMPLING_FIELDS = tuple(field.name for field in fields(Sampling))


def encode_strings(values: Iterable[bytes]) -> bytes:
    """Triton's raw form of a BYTES tensor: each element after its length in four bytes."""
    return b"".join(_LENGTH.pack(len(value)) + value for value in values)


def decode_strings(raw: bytes) -> list[bytes]:
    """The elements of a BYTES tensor. Raises ValueError when the lengths do not add up."""
    found, at, end = [], 0, len(raw)
    while at < end:
        if at + 4 > end:
            raise ValueError("a BYTES tensor ends within a length")
        (size,) = _LENGTH.unpack_from(raw, at)
        at += 4
        if at + size > end:
            raise ValueError("a BYTES tensor ends within an element")
        found.append(raw[at : at + size])
        at += size
    return found


def sampling_json(sampling: Sampling) -> bytes:
    """The parameters that are set, by vLLM's names; what is unset stays the engine's own."""
    given = {name: getattr(sampling, name) for name in _SAMPLING_FIELDS}
    return orjson.dumps({name: value for name, value in given.items() if value is not None})


def to_infer_request(model: str, asked: Asked, *, stream: bool, request_id: str = "") -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name=model, id=request_id)
    rpc.parameters[contract.WANT_FINAL].bool_param = True
    # The text is no option of the contract; where there are tokens it is empty.
    text = "" if isinstance(asked.prompt, Tokens) else asked.prompt
    _add(rpc, contract.TEXT_INPUT, contract.BYTES, encode_strings([text.encode()]))
    if isinstance(asked.prompt, Tokens):
        add_token_ids(rpc, asked.prompt.ids)
    _add(rpc, contract.SAMPLING_PARAMETERS, contract.BYTES, encode_strings([sampling_json(asked.sampling)]))
    _add(rpc, contract.STREAM, contract.BOOL, _TRUE if stream else _FALSE)
    # vLLM's backend repeats the prompt in an unstreamed answer unless it is told not to.
    for flag in (
        contract.EXCLUDE_INPUT,
        contract.RETURN_FINISH_REASON,
        contract.RETURN_INPUT_TOKENS,
        contract.RETURN_OUTPUT_TOKENS,
    ):
        _add(rpc, flag, contract.BOOL, _TRUE)
    if asked.sampling.logprobs is not None:
        _add(rpc, contract.RETURN_LOGPROBS, contract.BOOL, _TRUE)
    if asked.images:
        rpc.inputs.add(name=contract.IMAGE, datatype=contract.BYTES, shape=(len(asked.images),))
        rpc.raw_input_contents.append(encode_strings(base64.b64encode(image) for image in asked.images))
    return rpc


def add_token_ids(rpc: service_pb2.ModelInferRequest, ids: Sequence[int]) -> None:
    """Raises InvalidInput for what no tokenizer has as an id."""
    if not ids:
        raise InvalidInput("there are no token ids", field="prompt")
    try:
        rpc.raw_input_contents.append(struct.pack(f"<{len(ids)}i", *ids))
    except struct.error:
        raise InvalidInput("a token id is a whole number from 0 to 2**31 - 1", field="prompt") from None
    rpc.inputs.add(name=contract.TOKEN_IDS, datatype=contract.INT32, shape=(len(ids),))


def _add(rpc: service_pb2.ModelInferRequest, name: str, datatype: str, raw: bytes) -> None:
    rpc.inputs.add(name=name, datatype=datatype, shape=(1,))
    rpc.raw_input_contents.append(raw)


class Reader:
    """Turns the responses of one request into events, and knows when the last one came.

    Counts tokens on the way. Raises ValueError for a response that does not keep the contract.
    """

    def __init__(self, *, with_logprobs: bool = False) -> None:
        self.finished = False
        self._with_logprobs = with_logprobs
        self._input_tokens = 0
        self._output_tokens = 0
        self._reasons: dict[int, FinishReason] = {}
        self._sequences = 1

    def read(self, rpc: service_pb2.ModelInferResponse) -> Sequence[EngineEvent]:
        events: list[EngineEvent] = []
        outputs = rpc.outputs
        if outputs:
            raw_contents = rpc.raw_output_contents
            texts: list[bytes] = []
            logprobs: list[bytes] = []
            for place, output in enumerate(outputs):
                name, raw = output.name, raw_contents[place]
                if name == contract.TEXT_OUTPUT:
                    texts = decode_strings(raw)
                elif name == contract.FINISH_REASON:
                    for index, reason in enumerate(decode_strings(raw)):
                        if reason != contract.STILL_RUNNING:
                            self._reasons[index] = "length" if reason == b"length" else "stop"
                elif name == contract.OUTPUT_TOKENS:
                    self._output_tokens += sum(struct.unpack(f"<{len(raw) // 4}I", raw))
                elif name == contract.INPUT_TOKENS:
                    (self._input_tokens,) = _LENGTH.unpack_from(raw)
                elif name == contract.LOGPROBS and self._with_logprobs:
                    logprobs = decode_strings(raw)
            self._sequences = max(self._sequences, len(texts))
            for index, text in enumerate(texts):
                tokens = _token_logprobs(logprobs[index]) if logprobs else ()
                if text or tokens:
                    events.append(TextDelta(text.decode("utf-8", "replace"), index, tokens))
        if contract.IS_FINAL in rpc.parameters and rpc.parameters[contract.IS_FINAL].bool_param:
            self.finished = True
            reasons = tuple(self._reasons.get(index, "stop") for index in range(self._sequences))
            events.append(Finished(reasons, Usage(self._input_tokens, self._output_tokens)))
        return events


def _token_logprobs(raw: bytes) -> tuple[TokenLogprob, ...]:
    """One element of `logprobs`: per new token an object of token ids.

    The chosen token is the first of them, as vLLM writes it; where there are several, all count as alternatives.
    """
    steps = orjson.loads(raw) or ()
    return tuple(_token_logprob(list(step.values())) for step in steps if step)


def _token_logprob(entries: list[dict[str, Any]]) -> TokenLogprob:
    found = [TokenLogprob(entry.get("decoded_token") or "", float(entry["logprob"])) for entry in entries]
    ranked = sorted(zip(entries, found, strict=True), key=lambda pair: pair[0].get("rank") or 0)
    alternatives = tuple(each for _, each in ranked)
    return TokenLogprob(found[0].token, found[0].logprob, alternatives)
