"""Embeddings through the real Triton are those of sentence-transformers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.encoders.conftest import Encoders
from tests.backends.encoders.texts import DOCUMENTS, QUERIES, TEXTS
from tests.converters.encoder_checkpoints import minilm, write_encoder, write_modules, write_onnx

pytestmark = pytest.mark.asyncio(loop_scope="session")


def original(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def minilm_vectors() -> Any:
    return original(minilm()).encode(TEXTS)


def cosines(a: Any, b: Any) -> Any:
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


async def test_at_16_bits_every_vector_is_the_original_one(
    encoders: Encoders, minilm_fp16: str, minilm_vectors: Any
) -> None:
    answer = await encoders.client.ask(minilm_fp16, text_input=TEXTS)
    assert answer["embedding"].shape == (len(TEXTS), 384)
    assert cosines(answer["embedding"], minilm_vectors).min() >= 0.999
    np.testing.assert_allclose(np.linalg.norm(answer["embedding"], axis=1), 1, atol=1e-5)
    assert answer["num_input_tokens"].max() == 256  # what the checkpoint's sentence_bert_config.json says


async def test_at_8_bits_every_vector_is_close_to_the_original_one(
    encoders: Encoders, minilm_int8: str, minilm_vectors: Any
) -> None:
    answer = await encoders.client.ask(minilm_int8, text_input=TEXTS)
    assert cosines(answer["embedding"], minilm_vectors).min() >= 0.99


async def test_an_onnx_file_gives_the_same_vectors(encoders: Encoders, minilm_vectors: Any, tmp_path: Path) -> None:
    folder = write_onnx(tmp_path / "onnx", minilm())
    model = await encoders.serve("minilm-onnx", folder, precision="fp16")
    answer = await encoders.client.ask(model, text_input=TEXTS)
    assert cosines(answer["embedding"], minilm_vectors).min() >= 0.999


async def test_a_retrieval_ranks_as_with_the_original(
    encoders: Encoders, minilm_fp16: str, minilm_int8: str, minilm_vectors: Any
) -> None:
    count = len(DOCUMENTS)
    scores = minilm_vectors[count : count + len(QUERIES)] @ minilm_vectors[:count].T
    assert scores.argmax(axis=1).tolist() == list(QUERIES.values())
    for model, noise in ((minilm_fp16, 0.0), (minilm_int8, 0.02)):
        documents = await encoders.client.ask(model, text_input=DOCUMENTS, input_type="document")
        queries = await encoders.client.ask(model, text_input=list(QUERIES), input_type="query")
        ranking = (queries["embedding"] @ documents["embedding"].T).argsort(axis=1)
        # Of the whole ranking, only documents that the original finds all but equal may change places.
        ranked = np.take_along_axis(scores, ranking, axis=1)
        assert (np.maximum.accumulate(ranked, axis=1) - ranked).max() <= noise, model
        assert ranking[:, -3:].tolist() == scores.argsort(axis=1)[:, -3:].tolist(), model


async def test_fewer_dimensions_are_the_first_ones_at_length_1(encoders: Encoders, minilm_fp16: str) -> None:
    whole = (await encoders.client.ask(minilm_fp16, text_input=DOCUMENTS))["embedding"]
    cut = (await encoders.client.ask(minilm_fp16, text_input=DOCUMENTS, dimensions=64))["embedding"]
    first = whole[:, :64]
    np.testing.assert_allclose(cut, first / np.linalg.norm(first, axis=1, keepdims=True), atol=1e-5)
    same = (await encoders.client.ask(minilm_fp16, text_input=DOCUMENTS, dimensions=384))["embedding"]
    np.testing.assert_allclose(same, whole, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"text_input": []}, "'text_input' has no texts"),
        ({"text_input": ["good", "  "]}, "element 1 of 'text_input' is empty"),
        ({"text_input": [b"caf\xe9"]}, "'text_input' is not UTF-8"),
        ({"text_input": ["a"] * 2049}, "'text_input' has 2049 texts, at most 2048"),
        ({"text_input": ["a"], "dimensions": 385}, "'dimensions' must be from 1 to 384"),
        ({"text_input": ["a"], "dimensions": 0}, "'dimensions' must be from 1 to 384"),
        ({"text_input": ["a"], "input_type": "poem"}, "'input_type' must be query or document, not 'poem'"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    encoders: Encoders, minilm_fp16: str, inputs: dict[str, Any], words: str
) -> None:
    told = await encoders.client.refused(minilm_fp16, **inputs)
    assert told.startswith("[INVALID_ARG] ")
    assert words in told


async def test_requests_that_wait_are_computed_together(encoders: Encoders, minilm_fp16: str) -> None:
    alone = (await encoders.client.ask(minilm_fp16, text_input=DOCUMENTS))["embedding"]
    before = await encoders.client.metric("modelyard_batches_total", minilm_fp16)
    ended = await encoders.client.metric("modelyard_requests_total", minilm_fp16, outcome="success")
    texts = [text for _ in range(16) for text in DOCUMENTS]
    answers = await asyncio.gather(*(encoders.client.ask(minilm_fp16, text_input=[text]) for text in texts))
    for place, answer in enumerate(answers):
        np.testing.assert_allclose(answer["embedding"][0], alone[place % len(DOCUMENTS)], atol=1e-4)
    assert await encoders.client.metric("modelyard_batches_total", minilm_fp16) - before < len(texts) / 2
    after = await encoders.client.metric("modelyard_requests_total", minilm_fp16, outcome="success")
    assert after - ended == len(texts)


async def test_a_large_request_does_not_hold_up_a_small_one(encoders: Encoders, minilm_fp16: str) -> None:
    name = "modelyard_batches_total"
    before = await encoders.client.metric(name, minilm_fp16)
    large = asyncio.create_task(
        encoders.client.ask(minilm_fp16, text_input=[TEXTS[-1]] * 2000)
    )  # half a million tokens
    while await encoders.client.metric(name, minilm_fp16) == before:  # noqa: ASYNC110 - Triton tells only who asks
        await asyncio.sleep(0.02)
    await encoders.client.ask(minilm_fp16, text_input=["a word in between"])
    assert not large.done()
    large.cancel()  # the rest of it is not computed
    while await encoders.client.metric("modelyard_requests_total", minilm_fp16, outcome="cancelled") < 1:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


PROMPTS = {"query": "find what answers: ", "document": "a note that says: "}


@pytest.mark.parametrize(
    ("family", "pooling", "more"),
    [
        ("bert", {"pooling_mode_cls_token": True}, ["Normalize"]),
        ("roberta", {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}, []),
        ("mpnet", {"pooling_mode": "mean", "include_prompt": False}, ["Dense", "Normalize"]),
        ("modernbert", {"pooling_mode": "weightedmean"}, []),
        ("qwen3", {"pooling_mode_lasttoken": True}, ["Normalize"]),
    ],
)
async def test_families_poolings_prompts_and_dense_layers(
    encoders: Encoders, tmp_path: Path, family: str, pooling: dict[str, Any], more: list[str]
) -> None:
    dense = 24 if "Dense" in more else None
    folder = write_modules(write_encoder(tmp_path / family, family), pooling, *more, dense=dense, prompts=PROMPTS)
    model = await encoders.serve(f"tiny-{family}", folder, precision="fp16", task="feature-extraction")
    encoder = original(folder)
    for input_type, expected in (
        ("query", encoder.encode_query(TEXTS)),
        ("document", encoder.encode_document(TEXTS)),
    ):
        answer = await encoders.client.ask(model, text_input=TEXTS, input_type=input_type)
        np.testing.assert_allclose(answer["embedding"], expected, atol=2e-4 * np.abs(expected).max())
    plain = await encoders.client.ask(model, text_input=TEXTS)
    expected = encoder.encode(TEXTS)
    np.testing.assert_allclose(plain["embedding"], expected, atol=2e-4 * np.abs(expected).max())


async def test_one_shape_for_devices_that_have_no_other(encoders: Encoders, tmp_path: Path) -> None:
    folder = write_modules(write_encoder(tmp_path / "bert", "bert"), {"pooling_mode": "mean"})
    model = await encoders.serve("static", folder, precision="fp16")
    free = (await encoders.client.ask(model, text_input=TEXTS))["embedding"]
    before = await encoders.client.metric("modelyard_batches_total", model)
    assert before < len(TEXTS)
    encoders.tell(model, STATIC_SHAPES="true")
    await encoders.client.load(model)
    fixed = (await encoders.client.ask(model, text_input=TEXTS))["embedding"]
    np.testing.assert_allclose(fixed, free, atol=1e-4 * np.abs(free).max())
    assert await encoders.client.metric("modelyard_batches_total", model) - before == len(TEXTS)
