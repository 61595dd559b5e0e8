"""A chat template rendered as the gateway renders those of models."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.domain.content import Message
from gateway.domain.generation import GenerationRequest
from gateway.prompting.preparing import Prompts
from modelyard.card import ModelCard


def rendered(template: str, messages: Sequence[Message]) -> str:
    continues = messages[-1].role == "assistant"
    request = GenerationRequest("model", tuple(messages), template=template, continues=continues)
    prepared = asyncio.run(Prompts().prepare(ModelCard(chat_template="{{ messages }}"), request))
    return str(prepared.asked.prompt)
