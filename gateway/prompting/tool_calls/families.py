"""The list of the families: which of them a model's chat template belongs to.

Knows them all; none of them knows this list.
"""

from __future__ import annotations

from functools import lru_cache

from gateway.prompting.tool_calls.deepseek import DeepSeek
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.gemma import GemmaCalls, GemmaCode
from gateway.prompting.tool_calls.granite import Granite
from gateway.prompting.tool_calls.hermes import Hermes
from gateway.prompting.tool_calls.llama_json import LlamaJson
from gateway.prompting.tool_calls.mistral import Mistral
from gateway.prompting.tool_calls.phi import Phi
from gateway.prompting.tool_calls.pythonic import Pythonic
from gateway.prompting.tool_calls.qwen_xml import QwenXml

# The first that knows its own marks in the template wins; those whose marks are part of another's come first.
FAMILIES: tuple[Family, ...] = (
    DeepSeek(),
    Mistral(),
    GemmaCalls(),
    QwenXml(),
    Phi(),
    Granite(),
    Hermes(),
    Pythonic(),
    GemmaCode(),
    LlamaJson(),
)


@lru_cache(maxsize=64)
def family_of(template: str) -> Family | None:
    return next((family for family in FAMILIES if family.writes(template)), None)
