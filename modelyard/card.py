"""What a gateway must know of a model to talk to it, carried in the parameters of its `config.pbtxt`.

Triton hands the parameters on through ModelConfig, so a gateway needs no file of the model's host.
Knows neither HTTP nor tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.durations import FOREVER, seconds

TASK = "TASK"
CREATED = "CREATED"
CONTEXT_LENGTH = "CONTEXT_LENGTH"
CHAT_TEMPLATE = "CHAT_TEMPLATE"
SYSTEM = "SYSTEM"
SPECIAL_TOKENS = "SPECIAL_TOKENS"
GENERATION_DEFAULTS = "GENERATION_DEFAULTS"
ADAPTERS = "ADAPTERS"
KEEP_ALIVE = "KEEP_ALIVE"

# Tasks, as the hub names them.
TEXT_GENERATION = "text-generation"
IMAGE_TEXT_TO_TEXT = "image-text-to-text"
FEATURE_EXTRACTION = "feature-extraction"
TEXT_RANKING = "text-ranking"
TEXT_CLASSIFICATION = "text-classification"
TEXT_TO_IMAGE = "text-to-image"  # such an entry also changes and fills in images, where its pipeline can
SPEECH_RECOGNITION = "automatic-speech-recognition"
TEXT_TO_SPEECH = "text-to-speech"
TENSORS = "tensors"  # none of these: a plain network, served as it is
TASKS = (
    TEXT_GENERATION,
    IMAGE_TEXT_TO_TEXT,
    FEATURE_EXTRACTION,
    TEXT_RANKING,
    TEXT_CLASSIFICATION,
    TEXT_TO_IMAGE,
    SPEECH_RECOGNITION,
    TEXT_TO_SPEECH,
    TENSORS,
)
# Further names of tasks that one may ask for, with the task that does them.
OTHER_NAMES = {"image-to-image": TEXT_TO_IMAGE, "inpainting": TEXT_TO_IMAGE}
ENCODES = frozenset({FEATURE_EXTRACTION, TEXT_RANKING, TEXT_CLASSIFICATION})  # texts to figures, in one pass
GENERATES_TEXT = frozenset({TEXT_GENERATION, IMAGE_TEXT_TO_TEXT})  # by the language models' tensor contract


@dataclass(frozen=True)
class ModelCard:
    """The part of an entry that travels with it through Triton.

    `context_length` is in tokens, `created` in seconds since 1970. `chat_template` is the checkpoint's Jinja text,
    or None where it has none. `system` is the system message of a conversation that brings none. `special_tokens`
    are the template's variables (bos_token, eos_token, ...). `generation_defaults` holds the checkpoint's own
    sampling (temperature, top_p, top_k, repetition_penalty, max_new_tokens) as in its generation_config.json; a
    request's own fields win over them. `adapters` are the names of LoRA adapters that a request may ask for.
    `keep_alive_s` is how long the model stays in memory when it is idle, infinite for ever and None as the
    service's settings say; it is written as `5m`, `300` or `-1`.
    """

    task: str = TEXT_GENERATION
    created: int = 0
    context_length: int | None = None
    chat_template: str | None = None
    system: str | None = None
    special_tokens: Mapping[str, str] = field(default_factory=dict)
    generation_defaults: Mapping[str, Any] = field(default_factory=dict)
    adapters: tuple[str, ...] = ()
    keep_alive_s: float | None = None

    def to_parameters(self) -> dict[str, str]:
        """The card as `parameters` of a config.pbtxt: upper-case keys, string values; what is unset is left out."""
        parameters = {TASK: self.task, CREATED: str(self.created)}
        if self.context_length is not None:
            parameters[CONTEXT_LENGTH] = str(self.context_length)
        if self.chat_template is not None:
            parameters[CHAT_TEMPLATE] = self.chat_template
        if self.system is not None:
            parameters[SYSTEM] = self.system
        if self.special_tokens:
            parameters[SPECIAL_TOKENS] = json.dumps(dict(self.special_tokens), ensure_ascii=False)
        if self.generation_defaults:
            parameters[GENERATION_DEFAULTS] = json.dumps(dict(self.generation_defaults))
        if self.adapters:
            parameters[ADAPTERS] = json.dumps(self.adapters)
        if self.keep_alive_s is not None:
            parameters[KEEP_ALIVE] = "-1" if self.keep_alive_s == FOREVER else f"{self.keep_alive_s:g}"
        return parameters

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> ModelCard:
        """Read a card back; an entry that somebody wrote by hand has few or none of the keys, and that is fine.

        Raises ValueError where a key is there but cannot be read.
        """
        context = parameters.get(CONTEXT_LENGTH)
        return cls(
            task=parameters.get(TASK, TEXT_GENERATION),
            created=int(parameters.get(CREATED, "0")),
            context_length=int(context) if context is not None else None,
            chat_template=parameters.get(CHAT_TEMPLATE),
            system=parameters.get(SYSTEM) or None,
            special_tokens=json.loads(parameters.get(SPECIAL_TOKENS, "{}")),
            generation_defaults=json.loads(parameters.get(GENERATION_DEFAULTS, "{}")),
            adapters=tuple(json.loads(parameters.get(ADAPTERS, "[]"))),
            keep_alive_s=seconds(parameters[KEEP_ALIVE]) if KEEP_ALIVE in parameters else None,
        )
