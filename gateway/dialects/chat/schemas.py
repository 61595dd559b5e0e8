"""The words of /chat: a message goes in, a reply comes out, and the gateway remembers the conversation.

Types and ranges only. Unknown fields are refused by name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.dialects.text import NonEmpty, Text

_MAX_INT = 2**31 - 1
# A line break cannot stand in the path by which a conversation is forgotten.
UserId = Annotated[Text, Field(min_length=1, max_length=256, pattern=r"^[^\r\n]+$")]


class ChatRequest(BaseModel):
    # strict: "0.5" is not a number. hide_input: what users write is not repeated in errors.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)

    user_id: UserId = Field(description="Whose conversation this is.")
    message: NonEmpty = Field(description="What the user says.")
    model: NonEmpty | None = Field(None, description="Name of a served model; the gateway's default when unset.")
    stream: bool | None = Field(
        None, description="Answer piece by piece: NDJSON, or server-sent events when Accept names text/event-stream."
    )
    max_tokens: int | None = Field(None, ge=1, le=_MAX_INT, description="Unset: what the model's context has room for.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=-1, le=_MAX_INT)
    min_p: float | None = Field(None, ge=0, le=1)
    stop: NonEmpty | list[NonEmpty] | None = Field(None, description="Texts that end the reply.")
    seed: int | None = Field(None, ge=0, lt=2**63)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=100)


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatReply(BaseModel):
    """The whole reply, and the last line of a streamed one. `turns` is how many the conversation has now."""

    user_id: str
    model: str
    reply: str
    finish_reason: Literal["stop", "length"]
    usage: Usage
    turns: int


class ChatError(BaseModel):
    message: str
    code: str
    field: str | None


class ChatErrorBody(BaseModel):
    error: ChatError
