"""A parrot whose template shows tools, thoughts, calls and pictures, as those of published models do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gateway.running import add_parrot

_TEMPLATE = (
    "{% if tools %}<tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools>{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }} "
    "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content or [] %}"
    "{% if part.type == 'image' %}<image>{% elif part.type == 'text' %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% for call in message.tool_calls or [] %}<tool_call>"
    "{{ {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}</tool_call>{% endfor %}"
    "<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant "
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}"
)


@pytest.fixture(scope="session", autouse=True)
def _parrots(repository: Path) -> None:
    """Triton looks into its repository when it is asked to load a model."""
    escaped = json.dumps(_TEMPLATE)[1:-1]
    add_parrot(repository, "responder", CHAT_TEMPLATE=escaped)
    add_parrot(repository, "looker", CHAT_TEMPLATE=escaped, TASK="image-text-to-text")
