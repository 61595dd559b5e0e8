"""Texts become tensors of the encoders' contracts, and their tensors become vectors, scores and labels.

Knows the tensors of docs/backends/encoders.md; knows no dialect and no model.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Protocol, TypeVar

from tritonclient.grpc import service_pb2

from gateway.domain.embedding import (
    Classified,
    ClassifyRequest,
    EmbeddingRequest,
    Embeddings,
    Ranking,
    RankRequest,
)
from gateway.domain.generation import Tokens
from gateway.engine.tensors import decode_strings, encode_strings
from modelyard.errors import EngineError, InvalidInput

Figures = TypeVar("Figures", Embeddings, Ranking, Classified)


class Inferring(Protocol):
    """Models that give one answer; `Replicas` is it."""

    async def infer(self, model: str, rpc: service_pb2.ModelInferRequest) -> service_pb2.ModelInferResponse: ...


class Encoders:
    """Embeddings, rankings and classifications from Triton."""

    def __init__(self, tritons: Inferring) -> None:
        self._tritons = tritons

    async def embed(self, model: str, request: EmbeddingRequest) -> Embeddings:
        found = to_embeddings(model, await self._tritons.infer(model, embed_rpc(model, request)))
        return _of_all(found, model, len(request.texts))

    async def rank(self, model: str, request: RankRequest) -> Ranking:
        found = to_ranking(model, await self._tritons.infer(model, rank_rpc(model, request)))
        return _of_all(found, model, len(request.documents))

    async def classify(self, model: str, request: ClassifyRequest) -> Classified:
        found = to_classified(model, await self._tritons.infer(model, classify_rpc(model, request)))
        return _of_all(found, model, len(request.texts))


def embed_rpc(model: str, request: EmbeddingRequest) -> service_pb2.ModelInferRequest:
    """Raises InvalidInput for texts beside token ids: the contract has one or the other."""
    rpc = service_pb2.ModelInferRequest(model_name=model)
    tokens = [each.ids for each in request.texts if isinstance(each, Tokens)]
    if tokens and len(tokens) != len(request.texts):
        raise InvalidInput("texts and token ids cannot be mixed", field="input")
    if tokens:
        longest = max(len(ids) for ids in tokens)
        # Rows of one length, as a tensor must have; what is no id fills up the shorter ones.
        flat = [number for ids in tokens for number in (*ids, *[-1] * (longest - len(ids)))]
        rpc.inputs.add(name="input_ids", datatype="INT32", shape=(len(tokens), longest))
        rpc.raw_input_contents.append(struct.pack(f"<{len(flat)}i", *flat))
    else:
        _add_texts(rpc, "text_input", tuple(each for each in request.texts if isinstance(each, str)))
    if request.dimensions is not None:
        rpc.inputs.add(name="dimensions", datatype="INT32", shape=(1,))
        rpc.raw_input_contents.append(struct.pack("<i", request.dimensions))
    if request.input_type is not None:
        _add_texts(rpc, "input_type", (request.input_type,))
    if not request.truncate:
        rpc.inputs.add(name="truncate", datatype="BOOL", shape=(1,))
        rpc.raw_input_contents.append(b"\x00")
    return rpc


def to_embeddings(model: str, rpc: service_pb2.ModelInferResponse) -> Embeddings:
    outputs = named_outputs(rpc)
    try:
        vectors, tokens = outputs["embedding"], _counts(outputs["num_input_tokens"])
        size = len(vectors) // 4 // len(tokens)
        if size == 0 or size * len(tokens) * 4 != len(vectors):
            raise ValueError("vectors and counts do not agree")
        return Embeddings(vectors, size, tokens)
    except (KeyError, ValueError, struct.error, ZeroDivisionError) as error:
        raise broken_contract(model) from error


def rank_rpc(model: str, request: RankRequest) -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name=model)
    _add_texts(rpc, "query", (request.query,))
    _add_texts(rpc, "documents", request.documents)
    return rpc


def to_ranking(model: str, rpc: service_pb2.ModelInferResponse) -> Ranking:
    outputs = named_outputs(rpc)
    try:
        found = Ranking(_floats(outputs["score"]), _counts(outputs["num_input_tokens"]))
        if not found.scores or len(found.scores) != len(found.tokens):
            raise ValueError("scores and counts do not agree")
        return found
    except (KeyError, ValueError, struct.error) as error:
        raise broken_contract(model) from error


def classify_rpc(model: str, request: ClassifyRequest) -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name=model)
    _add_texts(rpc, "text_input", request.texts)
    return rpc


def to_classified(model: str, rpc: service_pb2.ModelInferResponse) -> Classified:
    outputs = named_outputs(rpc)
    try:
        labels = tuple(label.decode("utf-8", "replace") for label in decode_strings(outputs["label"]))
        shares, tokens = _floats(outputs["score"]), _counts(outputs["num_input_tokens"])
        width = len(labels)
        if width == 0 or width * len(tokens) != len(shares):
            raise ValueError("labels, scores and counts do not agree")
        rows = tuple(shares[at : at + width] for at in range(0, len(shares), width))
        return Classified(labels, rows, tokens)
    except (KeyError, ValueError, struct.error) as error:
        raise broken_contract(model) from error


def named_outputs(rpc: service_pb2.ModelInferResponse) -> Mapping[str, bytes]:
    """The raw bytes of each output that has come, by its name."""
    return {output.name: raw for output, raw in zip(rpc.outputs, rpc.raw_output_contents, strict=False)}


def broken_contract(model: str) -> EngineError:
    return EngineError(f"the model '{model}' does not keep its task's tensor contract")


def _of_all(found: Figures, model: str, count: int) -> Figures:
    if len(found.tokens) != count:
        raise broken_contract(model)
    return found


def _add_texts(rpc: service_pb2.ModelInferRequest, name: str, texts: tuple[str, ...]) -> None:
    rpc.inputs.add(name=name, datatype="BYTES", shape=(len(texts),))
    rpc.raw_input_contents.append(encode_strings(text.encode() for text in texts))


def _floats(raw: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(raw) // 4}f", raw)


def _counts(raw: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(raw) // 4}I", raw)
