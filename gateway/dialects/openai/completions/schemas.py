"""The bodies of text completions that come in and go out, as OpenAI's API reference has them.

Types and ranges only; what a field does is said in its description. Unknown fields are refused by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from gateway.dialects.openai.sampled import Sampled, TokenId
from gateway.dialects.openai.schemas import Usage
from gateway.dialects.refusals import Refusal, without_refused
from gateway.dialects.text import Text
from modelyard.errors import FieldRefused, InvalidInput

MAX_PROMPTS = 256
_BEST = "ask for n answers instead"
COMPLETION_REFUSED = {
    "suffix": Refusal("text cannot be inserted before a suffix", (None, "")),
    "best_of": Refusal(_BEST, (None, 1)),
}


def _kind(value: Any) -> str:
    """Which form a prompt has, by its first element: else each of many tokens would be tried as each form."""
    if not isinstance(value, list):
        return "str"
    first = value[0] if value else ""
    if isinstance(first, list):
        return "list[list[int]]"
    return "list[int]" if isinstance(first, int | float) else "list[str]"


Ids = Annotated[list[TokenId], Field(min_length=1)]
Prompt = Annotated[
    Annotated[Text, Tag("str")]
    | Annotated[list[Text], Tag("list[str]")]
    | Annotated[Ids, Tag("list[int]")]
    | Annotated[list[Ids], Tag("list[list[int]]")],
    Discriminator(_kind),
]


class CompletionRequest(Sampled):
    prompt: Prompt = Field(
        description="A text or the ids of its tokens, or several of either that are answered side by side."
    )
    echo: bool | None = Field(None, description="Put the prompt, which must be text, before the answer.")
    logprobs: int | None = Field(None, ge=0, le=20, description="Give logarithmic probabilities of so many tokens.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        table = COMPLETION_REFUSED
        if isinstance(given, dict) and given.get("best_of") == given.get("n"):
            table = table | {"best_of": Refusal(_BEST, (None, given.get("best_of")))}
        return without_refused(given, table)

    @model_validator(mode="after")
    def _fields_agree(self) -> CompletionRequest:
        first = self.prompt[0] if isinstance(self.prompt, list) and self.prompt else None
        if isinstance(self.prompt, list) and not isinstance(first, int) and not 1 <= len(self.prompt) <= MAX_PROMPTS:
            raise InvalidInput(f"'prompt' must be 1 to {MAX_PROMPTS} prompts", field="prompt")
        if self.echo and isinstance(first, int | list):
            raise FieldRefused("echo", "only a prompt of text can be repeated")
        if self.echo and self.logprobs is not None:
            raise FieldRefused("echo", "the logprobs of a prompt are not known")
        return self


class CompletionLogprobs(BaseModel):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class CompletionChoice(BaseModel):
    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"]


class Completion(BaseModel):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage
