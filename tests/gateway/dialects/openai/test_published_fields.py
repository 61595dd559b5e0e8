"""Every field of the API that the installed `openai` package publishes is honoured or refused by name: none is unknown.

Says nothing of how; the tests beside this one do.
"""

from __future__ import annotations

from typing import Any

import pytest
from openai.types import chat
from openai.types import completion_create_params as completions
from openai.types.chat import completion_create_params as chats
from openai.types.chat.chat_completion_content_part_image_param import ImageURL as TheirImageURL
from openai.types.shared_params import FunctionDefinition, ResponseFormatJSONSchema
from openai.types.shared_params.response_format_json_schema import JSONSchema as TheirJSONSchema

from gateway.dialects.openai.chat.messages import CalledTool, ChatMessage, ImageURL, Part
from gateway.dialects.openai.chat.refused import CHAT_REFUSED, MESSAGE_REFUSED, PART_REFUSED
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.tools import (
    AllowedTools,
    ChosenTool,
    Function,
    FunctionTool,
    JSONSchema,
    ResponseFormat,
)
from gateway.dialects.openai.completions.schemas import COMPLETION_REFUSED, CompletionRequest
from gateway.dialects.openai.sampled import StreamOptions


def _names(model: Any) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("published", "ours", "refused"),
    [
        (chats.CompletionCreateParamsStreaming, ChatCompletionRequest, CHAT_REFUSED),
        (completions.CompletionCreateParamsStreaming, CompletionRequest, COMPLETION_REFUSED),
        (chat.ChatCompletionStreamOptionsParam, StreamOptions, {}),
        (chat.ChatCompletionDeveloperMessageParam, ChatMessage, MESSAGE_REFUSED),
        (chat.ChatCompletionSystemMessageParam, ChatMessage, MESSAGE_REFUSED),
        (chat.ChatCompletionUserMessageParam, ChatMessage, MESSAGE_REFUSED),
        (chat.ChatCompletionAssistantMessageParam, ChatMessage, MESSAGE_REFUSED),
        (chat.ChatCompletionToolMessageParam, ChatMessage, MESSAGE_REFUSED),
        (chat.ChatCompletionMessage, ChatMessage, MESSAGE_REFUSED),  # an answer is sent back as a message
        (chat.ChatCompletionContentPartTextParam, Part, PART_REFUSED),
        (chat.ChatCompletionContentPartImageParam, Part, PART_REFUSED),
        (chat.ChatCompletionContentPartRefusalParam, Part, PART_REFUSED),
        (TheirImageURL, ImageURL, {}),
        (chat.ChatCompletionMessageFunctionToolCallParam, CalledTool, {}),
        (chat.ChatCompletionFunctionToolParam, FunctionTool, {}),
        (FunctionDefinition, Function, {}),
        (chat.ChatCompletionNamedToolChoiceParam, ChosenTool, {}),
        (chat.ChatCompletionAllowedToolChoiceParam, ChosenTool, {}),
        (chat.ChatCompletionAllowedToolsParam, AllowedTools, {}),
        (ResponseFormatJSONSchema, ResponseFormat, {}),
        (TheirJSONSchema, JSONSchema, {}),
    ],
)
def test_no_published_field_is_unknown(published: Any, ours: Any, refused: dict[str, Any]) -> None:
    fields = set(getattr(published, "model_fields", None) or published.__annotations__)
    assert fields
    assert fields <= _names(ours) | set(refused)
