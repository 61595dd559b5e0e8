"""What the published APIs let a client send: the fields of their own clients' request types, by endpoint.

Knows types; does not know what Modelyard makes of a field.
"""

from __future__ import annotations

from typing import Any

import anthropic.types.message_count_tokens_params as anthropic_counting
import anthropic.types.message_create_params as anthropic_messages
import ollama._types as ollama_types
from openai.types import (
    completion_create_params,
    embedding_create_params,
    image_create_variation_params,
    image_edit_params,
    image_generate_params,
    moderation_create_params,
)
from openai.types.audio import speech_create_params, transcription_create_params, translation_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import response_create_params

_STREAMED = {"stream"}  # the clients' types have it in subclasses, one for each value


def _typed(typed: Any, *more: str) -> frozenset[str]:
    return frozenset(typed.__annotations__) | frozenset(more)


def _model(model: Any) -> frozenset[str]:
    # `from` is a word of Python's, so the field is `from_` there.
    return frozenset(field.alias or name.removesuffix("_") for name, field in model.model_fields.items())


def _with_options(model: Any) -> frozenset[str]:
    return _model(model) - {"options"} | {f"options.{name}" for name in _model(ollama_types.Options)}


PUBLISHED: dict[str, frozenset[str]] = {
    "POST /v1/chat/completions": _typed(chat_create_params.CompletionCreateParamsBase, *_STREAMED),
    "POST /v1/completions": _typed(completion_create_params.CompletionCreateParamsBase, *_STREAMED),
    "POST /v1/responses": _typed(response_create_params.ResponseCreateParamsBase, *_STREAMED),
    "POST /v1/embeddings": _typed(embedding_create_params.EmbeddingCreateParams),
    "POST /v1/moderations": _typed(moderation_create_params.ModerationCreateParams),
    "POST /v1/images/generations": _typed(image_generate_params.ImageGenerateParamsBase, *_STREAMED),
    "POST /v1/images/edits": _typed(image_edit_params.ImageEditParamsBase, *_STREAMED),
    "POST /v1/images/variations": _typed(image_create_variation_params.ImageCreateVariationParams),
    "POST /v1/audio/transcriptions": _typed(transcription_create_params.TranscriptionCreateParamsBase, *_STREAMED),
    "POST /v1/audio/translations": _typed(translation_create_params.TranslationCreateParams),
    "POST /v1/audio/speech": _typed(speech_create_params.SpeechCreateParams),
    "POST /v1/messages": _typed(anthropic_messages.MessageCreateParamsBase, *_STREAMED),
    "POST /v1/messages/count_tokens": _typed(anthropic_counting.MessageCountTokensParams),
    "POST /api/generate": _with_options(ollama_types.GenerateRequest),
    "POST /api/chat": _with_options(ollama_types.ChatRequest),
    "POST /api/embed": _model(ollama_types.EmbedRequest),
    "POST /api/embeddings": _model(ollama_types.EmbeddingsRequest),
    "POST /api/pull": _model(ollama_types.PullRequest),
    "POST /api/push": _model(ollama_types.PushRequest),
    "POST /api/create": _model(ollama_types.CreateRequest),
    "POST /api/show": _model(ollama_types.ShowRequest),
    "POST /api/copy": _model(ollama_types.CopyRequest),
    "DELETE /api/delete": _model(ollama_types.DeleteRequest),
}
