"""Samples become tensors and their transcript; a text becomes tensors and its samples.

Knows the tensors of docs/backends/speech.md; knows no dialect and no format of audio files.
"""

from __future__ import annotations

import struct
from typing import Any

import orjson
from tritonclient.grpc import service_pb2

from gateway.domain.speech import Segment, SpeakRequest, Spoken, TranscribeRequest, Transcript
from gateway.engine.encoders import Inferring, broken_contract, named_outputs
from gateway.engine.tensors import decode_strings, encode_strings
from modelyard.errors import InvalidInput

_OURS = {"audio": "samples", "text_input": "text"}  # the contract's names of our fields, where they differ


class Speech:
    """Transcripts and speech from Triton. An InvalidInput names the field as the request does."""

    def __init__(self, tritons: Inferring) -> None:
        self._tritons = tritons

    async def transcribe(self, model: str, request: TranscribeRequest) -> Transcript:
        return to_transcript(model, await self._infer(model, transcribe_rpc(model, request)))

    async def speak(self, model: str, request: SpeakRequest) -> Spoken:
        return to_spoken(model, await self._infer(model, speak_rpc(model, request)))

    async def _infer(self, model: str, rpc: service_pb2.ModelInferRequest) -> service_pb2.ModelInferResponse:
        try:
            return await self._tritons.infer(model, rpc)
        except InvalidInput as error:
            error.field = _OURS.get(error.field or "", error.field)
            raise


def transcribe_rpc(model: str, request: TranscribeRequest) -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name=model)
    rpc.inputs.add(name="audio", datatype="FP32", shape=(len(request.samples) // 4,))
    rpc.raw_input_contents.append(request.samples)
    _add_parameters(
        rpc,
        language=request.language,
        task=request.task,
        timestamps=request.timestamps,
        initial_prompt=request.initial_prompt,
        temperature=request.temperature,
    )
    return rpc


def to_transcript(model: str, rpc: service_pb2.ModelInferResponse) -> Transcript:
    outputs = named_outputs(rpc)
    try:
        text, language, segments = (_text(outputs[name]) for name in ("text", "language", "segments"))
        return Transcript(text, language, tuple(_segment(each) for each in orjson.loads(segments)))
    except (KeyError, ValueError, TypeError) as error:
        raise broken_contract(model) from error


def speak_rpc(model: str, request: SpeakRequest) -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name=model)
    rpc.inputs.add(name="text_input", datatype="BYTES", shape=(1,))
    rpc.raw_input_contents.append(encode_strings([request.text.encode()]))
    _add_parameters(rpc, voice=request.voice, speed=request.speed)
    return rpc


def to_spoken(model: str, rpc: service_pb2.ModelInferResponse) -> Spoken:
    outputs = named_outputs(rpc)
    try:
        (rate,) = struct.unpack("<I", outputs["sample_rate"])
        samples = outputs["audio"]
        if rate == 0 or not samples or len(samples) % 4:
            raise ValueError("there are no samples")
        return Spoken(samples, rate)
    except (KeyError, ValueError, struct.error) as error:
        raise broken_contract(model) from error


def _add_parameters(rpc: service_pb2.ModelInferRequest, **given: Any) -> None:
    parameters = {name: value for name, value in given.items() if value is not None}
    if parameters:
        rpc.inputs.add(name="parameters", datatype="BYTES", shape=(1,))
        rpc.raw_input_contents.append(encode_strings([orjson.dumps(parameters)]))


def _segment(given: dict[str, Any]) -> Segment:
    return Segment(float(given["start"]), float(given["end"]), str(given["text"]))


def _text(raw: bytes) -> str:
    (value,) = decode_strings(raw)
    return value.decode("utf-8", "replace")
