"""Labels of published moderation models in OpenAI's categories."""

from __future__ import annotations

import pytest

from gateway.dialects.openai.moderations.labels import CATEGORIES, category_of, is_well
from gateway.dialects.openai.moderations.schemas import ModerationsRequest
from gateway.dialects.openai.moderations.translate import from_classified, to_classify
from gateway.domain.embedding import Classified


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("toxic", "harassment"),
        ("severe_toxic", "harassment"),
        ("identity_hate", "hate"),
        ("threat", "harassment/threatening"),
        ("S3", "sexual/minors"),
        ("self-harm", "self-harm"),
        ("Violence/Graphic", "violence/graphic"),
        ("INJECTION", None),
    ],
)
def test_a_label_has_its_category(label: str, category: str | None) -> None:
    assert category_of(label) == category
    assert not is_well(label)


@pytest.mark.parametrize("label", ["safe", "OK", "Neutral", "LABEL_0", "not_toxic", "non-toxic", "nothate", "SFW"])
def test_a_label_that_objects_to_nothing(label: str) -> None:
    assert is_well(label)


@pytest.mark.parametrize("label", ["LABEL_1", "notorious", "nonsense", "nsfw", "noise"])
def test_a_label_that_only_looks_like_it(label: str) -> None:
    assert not is_well(label)


def test_every_category_is_answered_and_the_labels_beside_them() -> None:
    found = Classified(("safe", "toxic", "insult", "SPAM"), ((0.1, 0.2, 0.6, 0.1),), (3,))
    (result,) = from_classified(found, "m", answer_id="x")["results"]
    assert set(result["categories"]) == {*CATEGORIES, "toxic", "insult", "SPAM"}
    assert result["category_scores"]["harassment"] == 0.6
    assert result["categories"]["harassment"]
    assert not result["categories"]["toxic"]
    assert result["flagged"]
    assert result["category_applied_input_types"]["SPAM"] == ["text"]
    assert result["category_applied_input_types"]["violence"] == []


def test_parts_are_one_text_and_texts_are_several() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert to_classify(ModerationsRequest.model_validate({"input": parts}), "m").texts == ("one\ntwo",)
    assert to_classify(ModerationsRequest.model_validate({"input": ["one", "two"]}), "m").texts == ("one", "two")
