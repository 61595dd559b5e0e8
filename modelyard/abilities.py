"""What a model can do, in the words of Ollama's `capabilities` and a few more, as its card tells it.

Reads the chat template as text, so it costs nothing and needs no Jinja. Does not know how a prompt is made.
"""

from __future__ import annotations

import re
from functools import lru_cache

from modelyard import card as tasks
from modelyard.card import ModelCard

COMPLETION, TOOLS, THINKING, VISION = "completion", "tools", "thinking", "vision"

_BY_TASK: dict[str, frozenset[str]] = {
    tasks.TEXT_GENERATION: frozenset({COMPLETION}),
    tasks.IMAGE_TEXT_TO_TEXT: frozenset({COMPLETION, VISION}),
    tasks.FEATURE_EXTRACTION: frozenset({"embedding"}),
    tasks.TEXT_RANKING: frozenset({"rerank"}),
    tasks.TEXT_CLASSIFICATION: frozenset({"classification"}),
    tasks.TEXT_TO_IMAGE: frozenset({"image"}),
    tasks.SPEECH_RECOGNITION: frozenset({"transcription"}),
    tasks.TEXT_TO_SPEECH: frozenset({"speech"}),
}

# What a template of a model that thinks has in it: the marks that the thought stands between.
THINK = ("<think>", "</think>")
MAGISTRAL = ("[THINK]", "[/THINK]")
GRANITE = ("Here is my thought process:", "Here is my response:")
GEMMA = ("<|channel>thought", "<channel|>")
HARMONY = ("<|channel|>analysis", "<|message|>")
_THOUGHTS = (THINK, MAGISTRAL, GRANITE, GEMMA, HARMONY)

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_TAG = re.compile(r"\{[%{](.*?)[%}]\}", re.DOTALL)
_STRING = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_TOOLS = re.compile(r"(?<![\w.])tools\b")


def abilities_of(card: ModelCard) -> frozenset[str]:
    """The words for the model's task, and for what its chat template has places for."""
    found = _BY_TASK.get(card.task, frozenset())
    if COMPLETION not in found or card.chat_template is None:
        return found
    return (
        found
        | ({TOOLS} if takes_tools(card.chat_template) else set())
        | ({THINKING} if thinks(card.chat_template) else set())
    )


@lru_cache(maxsize=64)
def takes_tools(template: str) -> bool:
    """Whether the template has a place for descriptions of tools: its variable `tools`."""
    return any(_TOOLS.search(_STRING.sub("''", tag)) for tag in _TAG.findall(_COMMENT.sub("", template)))


@lru_cache(maxsize=64)
def thinks(template: str) -> bool:
    """Whether the model may think before it answers: its template has the marks of a thought, to put in or take out."""
    return any(start in template or end in template for start, end in _THOUGHTS[:-1]) or _is_harmony(template)


def _is_harmony(template: str) -> bool:
    return all(mark in template for mark in HARMONY)
