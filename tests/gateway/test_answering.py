"""A request takes its model's own sampling where the client said nothing."""

from __future__ import annotations

import pytest

from gateway.answering import with_defaults
from gateway.domain.generation import Sampling
from modelyard.card import ModelCard

CARD = ModelCard(
    context_length=2048, generation_defaults={"temperature": 0.6, "top_k": 20, "max_new_tokens": 100, "unknown": 1}
)


def test_what_the_client_sent_wins() -> None:
    assert with_defaults(Sampling(temperature=0.0, max_tokens=5), CARD) == Sampling(
        temperature=0.0, top_k=20, max_tokens=5
    )


@pytest.mark.parametrize(
    ("card", "most"),
    [(CARD, 100), (ModelCard(context_length=2048), 2048), (ModelCard(), 4096)],
)
def test_without_a_limit_the_answer_has_the_models_room(card: ModelCard, most: int) -> None:
    assert with_defaults(Sampling(), card).max_tokens == most
