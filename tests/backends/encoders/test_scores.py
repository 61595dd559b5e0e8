"""Scores of cross-encoders and classifiers through the real Triton are those of the libraries they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.encoders.conftest import Encoders
from tests.backends.encoders.texts import DOCUMENTS, QUERIES, TEXTS
from tests.converters.checkpoints import edit_json
from tests.converters.encoder_checkpoints import MAX_TOKENS, write_encoder

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = next(iter(QUERIES))


def logits(folder: Path, *texts: list[str]) -> Any:
    """What transformers' own model gives, one text or pair at a time."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        found = [
            model(**tokenizer(*each, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")).logits[0].numpy()
            for each in zip(*texts, strict=True)
        ]
    return np.stack(found)


def softmax(values: Any) -> Any:
    return np.exp(values) / np.exp(values).sum(-1, keepdims=True)


def sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-values))


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
async def test_a_cross_encoder_scores_as_sentence_transformers_does(
    encoders: Encoders, tmp_path: Path, family: str
) -> None:
    from sentence_transformers import CrossEncoder

    folder = write_encoder(tmp_path / family, family, labels=1)
    model = await encoders.serve(f"rank-{family}", folder, precision="fp16")
    answer = await encoders.client.ask(model, query=QUERY, documents=TEXTS)
    expected = CrossEncoder(str(folder), device="cpu", local_files_only=True).predict([(QUERY, each) for each in TEXTS])
    np.testing.assert_allclose(answer["score"], expected, atol=1e-3)
    np.testing.assert_allclose(answer["score"], sigmoid(logits(folder, [QUERY] * len(TEXTS), TEXTS))[:, 0], atol=1e-3)
    assert np.ptp(answer["score"]) > 0.05
    assert answer["num_input_tokens"].max() == MAX_TOKENS


async def test_a_cross_encoder_whose_checkpoint_asks_for_the_bare_number(encoders: Encoders, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "bare", "bert", labels=1)
    edit_json(folder / "config.json", sentence_transformers={"activation_fn": "torch.nn.modules.linear.Identity"})
    model = await encoders.serve("rank-bare", folder, precision="fp16")
    answer = await encoders.client.ask(model, query=QUERY, documents=DOCUMENTS)
    expected = logits(folder, [QUERY] * len(DOCUMENTS), DOCUMENTS)[:, 0]
    np.testing.assert_allclose(answer["score"], expected, atol=1e-3 * np.abs(expected).max())
    assert expected.min() < 0 or expected.max() > 1


@pytest.mark.parametrize("family", ["bert", "deberta-v2"])
async def test_a_classifier_gives_each_label_its_share(encoders: Encoders, tmp_path: Path, family: str) -> None:
    labels = {0: "harmless", 1: "spam", 2: "insult"}
    folder = write_encoder(tmp_path / family, family, labels=3, id2label=labels)
    model = await encoders.serve(f"class-{family}", folder, precision="fp16")
    answer = await encoders.client.ask(model, text_input=TEXTS)
    assert answer["label"] == ["harmless", "spam", "insult"]
    np.testing.assert_allclose(answer["score"], softmax(logits(folder, TEXTS)), atol=1e-3)


async def test_a_classifier_of_several_labels_at_once(encoders: Encoders, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "multi", "roberta", labels=4, problem_type="multi_label_classification")
    model = await encoders.serve("class-multi", folder, precision="fp16")
    answer = await encoders.client.ask(model, text_input=TEXTS)
    np.testing.assert_allclose(answer["score"], sigmoid(logits(folder, TEXTS)), atol=1e-3)
    assert not np.allclose(answer["score"].sum(1), 1, atol=0.05)


async def test_bad_requests_are_refused_by_name(encoders: Encoders, tmp_path: Path) -> None:
    rank = await encoders.serve("rank-refusing", write_encoder(tmp_path / "r", "bert", labels=1), precision="fp16")
    kind = await encoders.serve("class-refusing", write_encoder(tmp_path / "c", "bert", labels=2), precision="fp16")
    for model, inputs, words in (
        (rank, {"query": QUERY, "documents": []}, "'documents' has no texts"),
        (rank, {"query": "", "documents": ["a"]}, "'query' is empty"),
        (rank, {"query": b"\xff", "documents": ["a"]}, "'query' is not UTF-8"),
        (rank, {"query": QUERY, "documents": ["a", ""]}, "element 1 of 'documents' is empty"),
        (kind, {"text_input": []}, "'text_input' has no texts"),
        (kind, {"text_input": ["", "a"]}, "element 0 of 'text_input' is empty"),
    ):
        assert words in await encoders.client.refused(model, **inputs)


async def test_texts_can_be_refused_instead_of_cut(encoders: Encoders, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "strict", "bert", labels=2)
    model = await encoders.serve("class-strict", folder, precision="fp16")
    assert (await encoders.client.ask(model, text_input=[TEXTS[-1]]))["num_input_tokens"].tolist() == [MAX_TOKENS]
    encoders.tell(model, TRUNCATE="false")
    await encoders.client.load(model)
    told = await encoders.client.refused(model, text_input=["short", TEXTS[-1]])
    assert "element 1 of 'text_input' has" in told
    assert f"the model reads {MAX_TOKENS}" in told
