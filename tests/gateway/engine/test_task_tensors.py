"""Requests of the smaller tasks to tensors and back; what does not keep the contract is the engine's fault."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2

from gateway.domain.drawing import Drawn, DrawProgress, DrawRequest
from gateway.domain.embedding import EmbeddingRequest, Embeddings, Ranking
from gateway.domain.generation import Tokens
from gateway.domain.speech import Segment, SpeakRequest, Spoken, TranscribeRequest, Transcript
from gateway.engine import encoders, pictures, speech
from gateway.engine.contract import IS_FINAL
from gateway.engine.tensors import decode_strings, encode_strings
from modelyard.errors import EngineError, InvalidInput


def _answer(**outputs: bytes) -> service_pb2.ModelInferResponse:
    rpc = service_pb2.ModelInferResponse()
    for name, raw in outputs.items():
        rpc.outputs.add(name=name)
        rpc.raw_output_contents.append(raw)
    return rpc


def _inputs(rpc: service_pb2.ModelInferRequest) -> dict[str, tuple[str, list[int], bytes]]:
    return {
        each.name: (each.datatype, list(each.shape), raw)
        for each, raw in zip(rpc.inputs, rpc.raw_input_contents, strict=True)
    }


def test_what_was_not_sent_is_no_tensor() -> None:
    assert _inputs(encoders.embed_rpc("m", EmbeddingRequest("m", ("one", "größe")))) == {
        "text_input": ("BYTES", [2], encode_strings([b"one", "größe".encode()]))
    }
    full = _inputs(encoders.embed_rpc("m", EmbeddingRequest("m", ("one",), 8, "query", truncate=False)))
    assert full["dimensions"] == ("INT32", [1], struct.pack("<i", 8))
    assert decode_strings(full["input_type"][2]) == [b"query"]
    assert full["truncate"] == ("BOOL", [1], b"\x00")


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=9), min_size=1, max_size=9))
def test_token_ids_of_any_lengths_make_one_tensor(rows: list[list[int]]) -> None:
    request = EmbeddingRequest("m", tuple(Tokens(tuple(ids)) for ids in rows))
    kind, (count, width), raw = _inputs(encoders.embed_rpc("m", request))["input_ids"]
    assert (kind, count, width) == ("INT32", len(rows), max(map(len, rows)))
    flat = struct.unpack(f"<{count * width}i", raw)
    read = [[each for each in flat[at : at + width] if each >= 0] for at in range(0, len(flat), width)]
    assert read == rows


def test_texts_beside_token_ids_are_refused() -> None:
    with pytest.raises(InvalidInput):
        encoders.embed_rpc("m", EmbeddingRequest("m", ("text", Tokens((1,)))))


def test_figures_are_read() -> None:
    vectors = struct.pack("<4f", 1, 2, 3, 4)
    found = encoders.to_embeddings("m", _answer(embedding=vectors, num_input_tokens=struct.pack("<2I", 5, 6)))
    assert found == Embeddings(vectors, 2, (5, 6))
    assert found.vector(1) == struct.pack("<2f", 3, 4)
    scores = _answer(score=struct.pack("<2f", 0.5, 0.25), num_input_tokens=struct.pack("<2I", 5, 6))
    assert encoders.to_ranking("m", scores) == Ranking((0.5, 0.25), (5, 6))
    shares = _answer(
        score=struct.pack("<4f", 0.5, 0.5, 0.25, 0.75),
        label=encode_strings([b"ok", b"toxic"]),
        num_input_tokens=struct.pack("<2I", 5, 6),
    )
    classified = encoders.to_classified("m", shares)
    assert (classified.labels, classified.scores) == (("ok", "toxic"), ((0.5, 0.5), (0.25, 0.75)))


def test_a_picture_is_asked_by_the_contracts_names() -> None:
    request = DrawRequest("m", "a boat", n=2, steps=4, width=64, image=b"png", adapters={"swirl": 0.5})
    inputs = _inputs(pictures.draw_rpc("m", request))
    assert decode_strings(inputs["prompt"][2]) == [b"a boat"]
    assert decode_strings(inputs["image"][2]) == [b"png"]
    assert "mask" not in inputs
    (parameters,) = decode_strings(inputs["parameters"][2])
    assert json.loads(parameters) == {
        "num_images_per_prompt": 2,
        "num_inference_steps": 4,
        "width": 64,
        "lora": {"swirl": 0.5},
    }


def test_progress_and_files_are_events() -> None:
    reader = pictures.PictureReader()
    assert reader.read(_answer(progress=struct.pack("<f", 0.5), image=b"")) == [DrawProgress(0.5)]
    assert not reader.finished
    last = _answer(progress=struct.pack("<f", 1), image=encode_strings([b"one", b"two"]))
    last.parameters[IS_FINAL].bool_param = True
    assert reader.read(last) == [DrawProgress(1), Drawn((b"one", b"two"))]
    assert reader.finished
    with pytest.raises(ValueError, match="progress"):
        reader.read(_answer(progress=b"", image=b""))


def test_speech_there_and_back() -> None:
    asked = TranscribeRequest("m", struct.pack("<2f", 0, 1), language="de", timestamps="word", temperature=0.0)
    inputs = _inputs(speech.transcribe_rpc("m", asked))
    assert inputs["audio"][:2] == ("FP32", [2])
    (parameters,) = decode_strings(inputs["parameters"][2])
    assert json.loads(parameters) == {"language": "de", "task": "transcribe", "timestamps": "word", "temperature": 0}
    segments = json.dumps([{"start": 0, "end": 1.5, "text": "boats"}]).encode()
    texts = {"text": b"boats", "language": b"de", "segments": segments}
    found = speech.to_transcript("m", _answer(**{name: encode_strings([value]) for name, value in texts.items()}))
    assert found == Transcript("boats", "de", (Segment(0.0, 1.5, "boats"),))
    assert "parameters" not in _inputs(speech.speak_rpc("m", SpeakRequest("m", "hello")))
    spoken = speech.to_spoken("m", _answer(audio=bytes(8), sample_rate=struct.pack("<I", 16_000)))
    assert spoken == Spoken(bytes(8), 16_000)


@pytest.mark.parametrize(
    "read",
    [
        encoders.to_embeddings,
        encoders.to_ranking,
        encoders.to_classified,
        speech.to_transcript,
        speech.to_spoken,
    ],
)
@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"embedding": bytes(12), "score": bytes(12), "num_input_tokens": bytes(8), "label": b"", "text": b"\xff"},
        {"embedding": b"", "score": b"", "num_input_tokens": b"", "label": b"\x09", "audio": b"", "sample_rate": b"1"},
        {name: encode_strings([b"[1]"]) for name in ("text", "language", "segments", "embedding", "num_input_tokens")},
    ],
)
def test_a_broken_contract_is_an_error_of_the_engine(read: Callable[..., Any], outputs: dict[str, bytes]) -> None:
    with pytest.raises(EngineError, match="'m' does not keep"):
        read("m", _answer(**outputs))
