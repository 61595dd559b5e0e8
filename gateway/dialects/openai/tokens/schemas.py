"""vLLM's words for tokens. Types and ranges only; unknown fields are refused by name."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from gateway.dialects.openai.chat.messages import ChatMessage
from gateway.dialects.openai.chat.tools import FunctionTool
from gateway.dialects.openai.wire import Wire
from gateway.dialects.refusals import Refusal, without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import InvalidInput

_OF_MESSAGES = ("tools", "chat_template", "chat_template_kwargs", "continue_final_message")
MAX_TOKENS = 2**20

REFUSED = {
    "return_token_strs": Refusal("engines tell ids; send single ids to /detokenize", (None, False)),
    "add_generation_prompt": Refusal("messages are always followed by the assistant's turn", (None, True)),
    "mm_processor_kwargs": Refusal("images are not counted here", (None, {})),
    "documents": Refusal("documents are not shown to the model", (None, [])),
}

TokenId = Annotated[int, Field(ge=0, lt=2**31)]


class TokenizeRequest(Wire):
    model: NonEmpty = Field(description="Name of a served model.")
    prompt: Text | None = Field(None, description="A text; or messages.")
    messages: list[ChatMessage] | None = Field(None, min_length=1, description="A conversation; or a prompt.")
    add_special_tokens: bool | None = Field(
        None, description="Whether the tokenizer adds its own, as it does before an answer; true."
    )
    tools: list[FunctionTool] | None = Field(None, description="Functions that the chat template shows the model.")
    chat_template: NonEmpty | None = Field(None, description="In place of the model's own.")
    chat_template_kwargs: dict[str, Any] | None = Field(None, description="Variables of the chat template.")
    continue_final_message: bool | None = Field(None, description="The last message is the beginning of the answer.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("continue_final_message") is True:
            given = {**given, "add_generation_prompt": given.get("add_generation_prompt") or None}
        return without_refused(given, REFUSED)

    @model_validator(mode="after")
    def _one_of_both(self) -> TokenizeRequest:
        if (self.prompt is None) == (self.messages is None):
            raise InvalidInput("send a 'prompt' or 'messages', and not both", field="prompt")
        if self.messages is None:
            for name in _OF_MESSAGES:
                if getattr(self, name):
                    raise InvalidInput(f"'{name}' needs 'messages'", field=name)
        return self


class TokenizeAnswer(BaseModel):
    count: int
    max_model_len: int | None
    tokens: list[int]
    token_strs: list[str] | None = None


class DetokenizeRequest(Wire):
    model: NonEmpty = Field(description="Name of a served model.")
    tokens: Annotated[list[TokenId], Field(max_length=MAX_TOKENS)]


class DetokenizeAnswer(BaseModel):
    prompt: str
