"""What a model can do is told by its card."""

from __future__ import annotations

import pytest

from modelyard.abilities import abilities_of, takes_tools, thinks
from modelyard.card import (
    FEATURE_EXTRACTION,
    IMAGE_TEXT_TO_TEXT,
    SPEECH_RECOGNITION,
    TENSORS,
    TEXT_CLASSIFICATION,
    TEXT_RANKING,
    TEXT_TO_IMAGE,
    TEXT_TO_SPEECH,
    ModelCard,
)


@pytest.mark.parametrize(
    ("card", "abilities"),
    [
        (ModelCard(), {"completion"}),
        (ModelCard(chat_template="{% if tools %}<think>{% endif %}"), {"completion", "tools", "thinking"}),
        (ModelCard(IMAGE_TEXT_TO_TEXT, chat_template="{{ messages }}"), {"completion", "vision"}),
        (ModelCard(FEATURE_EXTRACTION, chat_template="{% if tools %}{% endif %}"), {"embedding"}),
        (ModelCard(TEXT_RANKING), {"rerank"}),
        (ModelCard(TEXT_CLASSIFICATION), {"classification"}),
        (ModelCard(TEXT_TO_IMAGE), {"image"}),
        (ModelCard(SPEECH_RECOGNITION), {"transcription"}),
        (ModelCard(TEXT_TO_SPEECH), {"speech"}),
        (ModelCard(TENSORS), set()),
    ],
)
def test_a_card_tells_its_abilities(card: ModelCard, abilities: set[str]) -> None:
    assert abilities_of(card) == abilities


@pytest.mark.parametrize(
    ("template", "takes"),
    [
        ("{%- if tools is defined and tools %}x{% endif %}", True),
        ("{{ tools | tojson(indent=4) }}", True),
        ("{%- for tool in tools -%}{%- endfor -%}", True),
        ("you have tools {{ 'tools' }} {# tools #}", False),
        ("{% for m in messages %}{{ m.tools }}{{ m.tool_calls }}{% set is_tools = 1 %}{% endfor %}", False),
    ],
)
def test_a_place_for_tools_is_the_variable_and_not_the_word(template: str, takes: bool) -> None:
    assert takes_tools(template) is takes


@pytest.mark.parametrize(
    ("template", "does"),
    [
        ("{{ m.content.split('</think>')[-1] }}", True),
        ("[THINK]", True),
        ("Here is my thought process:", True),
        ("<|channel>thought", True),
        ("<|channel|>analysis<|message|>", True),
        ("<|channel|>analysis", False),
        ("think of tools", False),
    ],
)
def test_a_model_thinks_when_its_template_has_the_marks(template: str, does: bool) -> None:
    assert thinks(template) is does
