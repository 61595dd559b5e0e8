"""Bodies of /tokenize to our request, and tokens to its answer. Pure."""

from __future__ import annotations

from typing import Any

from gateway.dialects.openai.chat.messages import pictures_of
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.translate import to_generation as chat_to_generation
from gateway.dialects.openai.tokens.schemas import TokenizeRequest
from gateway.domain.generation import GenerationRequest
from gateway.domain.tokenizing import Tokenized
from modelyard.errors import FieldRefused


def to_generation(wire: TokenizeRequest) -> GenerationRequest:
    """What would be asked of the model. Raises FieldRefused for images."""
    if wire.messages is None:
        return GenerationRequest(wire.model, wire.prompt or "")
    if pictures := pictures_of(wire.messages):
        raise FieldRefused(pictures[0][0], "how many tokens an image is, the engine tells with an answer only")
    chat = ChatCompletionRequest(
        model=wire.model,
        messages=wire.messages,
        tools=wire.tools,
        chat_template_kwargs=wire.chat_template_kwargs,
        continue_final_message=wire.continue_final_message,
    )
    request = chat_to_generation(chat)
    if wire.chat_template is None:
        return request
    return GenerationRequest(**{**vars(request), "template": wire.chat_template})


def from_tokenized(found: Tokenized) -> dict[str, Any]:
    return {
        "count": len(found.ids),
        "max_model_len": found.context_length,
        "tokens": found.ids,
        "token_strs": None,
    }
