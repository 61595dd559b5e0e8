"""Bodies of /v1/moderations to our request, and shares of labels to OpenAI's categories. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.dialects.openai.moderations.labels import CATEGORIES, category_of, is_well
from gateway.dialects.openai.moderations.schemas import ModerationsRequest, TextPart
from gateway.domain.embedding import Classified, ClassifyRequest

FLAGGED_FROM = 0.5


def to_classify(wire: ModerationsRequest, model: str) -> ClassifyRequest:
    if isinstance(wire.input, str):
        return ClassifyRequest(model, (wire.input,))
    parts = [each.text for each in wire.input if isinstance(each, TextPart)]
    # Parts are one input, as OpenAI has it; texts are one each.
    texts = ("\n".join(parts),) if parts else tuple(each for each in wire.input if isinstance(each, str))
    return ClassifyRequest(model, texts)


def from_classified(found: Classified, model: str, *, answer_id: str) -> dict[str, Any]:
    return {
        "id": answer_id,
        "model": model,
        "results": [_moderation(found.labels, scores) for scores in found.scores],
    }


def _moderation(labels: Sequence[str], scores: Sequence[float]) -> dict[str, Any]:
    """All of OpenAI's categories, which its clients read by name, and beside them the model's own labels."""
    shown = dict.fromkeys(CATEGORIES, 0.0)
    known: set[str] = set()
    flagged = False
    for label, score in zip(labels, scores, strict=True):
        if is_well(label):
            continue
        flagged = flagged or score >= FLAGGED_FROM
        for name in {label, category_of(label) or label}:
            shown[name] = max(shown.get(name, 0.0), score)
            known.add(name)
    return {
        "flagged": flagged,
        "categories": {name: score >= FLAGGED_FROM for name, score in shown.items()},
        "category_scores": shown,
        "category_applied_input_types": {name: ["text"] if name in known else [] for name in shown},
    }
