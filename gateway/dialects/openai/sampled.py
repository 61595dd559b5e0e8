"""The fields that chat and text completions share, and what they ask of the engine.

Knows OpenAI's names and vLLM's extensions of them; knows nothing of prompts and messages.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import Field, StringConstraints, model_validator

from gateway.dialects.openai.schemas import MAX_INT
from gateway.dialects.openai.wire import Wire
from gateway.dialects.text import NonEmpty, Text
from gateway.domain.generation import Sampling
from modelyard.errors import FieldRefused, InvalidInput

LABEL = "A label of the sender's own; it changes no answer and is kept nowhere."
_EXTENSION = "vLLM's extension."

Bias = Annotated[float, Field(ge=-100, le=100)]
TokenId = Annotated[int, Field(ge=0, le=MAX_INT)]
BiasedToken = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")]


class StreamOptions(Wire):
    include_usage: bool | None = Field(None, description="Send the usage in a last chunk that has no choices.")
    include_obfuscation: bool | None = Field(None, description="Chunks are not padded: true is refused.")
    continuous_usage_stats: bool | None = Field(None, description="Usage comes once: true is refused.")

    @model_validator(mode="after")
    def _only_what_there_is(self) -> StreamOptions:
        if self.include_obfuscation:
            raise FieldRefused("stream_options.include_obfuscation", "chunks are not padded")
        if self.continuous_usage_stats:
            raise FieldRefused("stream_options.continuous_usage_stats", "tokens are counted at the end of an answer")
        return self


class StructuredOutputs(Wire):
    """One of these: the answer keeps to it."""

    json_: dict[str, Any] | Text | None = Field(None, alias="json", description="A JSON Schema, or the text of one.")
    json_object: bool | None = None
    regex: NonEmpty | None = None
    choice: list[NonEmpty] | None = Field(None, min_length=1)
    grammar: NonEmpty | None = None


class Sampled(Wire):
    model: NonEmpty = Field(description="Name of a served model.")
    stream: bool | None = Field(None, description="Answer as server-sent events.")
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1, le=128, description="How many answers.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=MAX_INT, description="Unset: what the model's context has room for.")
    stop: NonEmpty | list[NonEmpty] | None = Field(None, description="Texts that end the answer; any number of them.")
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[BiasedToken, Bias] | None = Field(
        None, description="Token ids to biases; refused by engines without it."
    )
    user: str | None = Field(None, description=LABEL)
    top_k: int | None = Field(None, ge=-1, le=MAX_INT, description=_EXTENSION)
    min_p: float | None = Field(None, ge=0, le=1, description=_EXTENSION)
    repetition_penalty: float | None = Field(None, gt=0, le=100, description=_EXTENSION)
    min_tokens: int | None = Field(None, ge=0, le=MAX_INT, description=_EXTENSION)
    ignore_eos: bool | None = Field(None, description=_EXTENSION)
    stop_token_ids: list[TokenId] | None = Field(None, description=_EXTENSION)
    skip_special_tokens: bool | None = Field(None, description=_EXTENSION)
    structured_outputs: StructuredOutputs | None = Field(None, description=_EXTENSION)
    guided_json: dict[str, Any] | Text | None = Field(None, description="vLLM's older name of structured_outputs.json.")
    guided_regex: NonEmpty | None = Field(None, description="vLLM's older name of structured_outputs.regex.")
    guided_choice: list[NonEmpty] | None = Field(
        None, min_length=1, description="vLLM's older name of structured_outputs.choice."
    )
    guided_grammar: NonEmpty | None = Field(None, description="vLLM's older name of structured_outputs.grammar.")

    @model_validator(mode="after")
    def _options_need_a_stream(self) -> Sampled:
        if self.stream_options is not None and not self.stream:
            raise FieldRefused("stream_options", "it needs stream to be true")
        return self


def to_sampling(
    wire: Sampled, *, max_tokens: int | None, logprobs: int | None, shape: dict[str, Any] | None = None
) -> Sampling:
    """`shape` is what another field has asked of the answer's form. Raises InvalidInput where fields contradict."""
    if max_tokens is not None and (wire.min_tokens or 0) > max_tokens:
        raise InvalidInput("'min_tokens' is greater than the limit on tokens", field="min_tokens")
    stop = (wire.stop,) if isinstance(wire.stop, str) else tuple(wire.stop or ())
    return Sampling(
        n=wire.n,
        temperature=wire.temperature,
        top_p=wire.top_p,
        top_k=wire.top_k,
        min_p=wire.min_p,
        max_tokens=max_tokens,
        min_tokens=wire.min_tokens,
        stop=stop or None,
        stop_token_ids=tuple(wire.stop_token_ids or ()) or None,
        # Engines want no negative seed; OpenAI's is any 64-bit number.
        seed=None if wire.seed is None else wire.seed & (2**63 - 1),
        presence_penalty=wire.presence_penalty,
        frequency_penalty=wire.frequency_penalty,
        repetition_penalty=wire.repetition_penalty,
        logit_bias=wire.logit_bias or None,
        logprobs=logprobs,
        ignore_eos=wire.ignore_eos,
        skip_special_tokens=wire.skip_special_tokens,
        structured_outputs=_shape(wire, shape),
    )


def names_of_shape(wire: Sampled) -> dict[str, str]:
    """Ours of the form of an answer, as this client sent it."""
    for name in ("json", "regex", "choice", "grammar"):
        if getattr(wire, f"guided_{name}") is not None:
            return {"structured_outputs": f"guided_{name}"}
    return {}


def _shape(wire: Sampled, shape: dict[str, Any] | None) -> dict[str, Any] | None:
    """The one thing that the answer is to keep to, from all fields that can say so."""
    asked: list[tuple[str, dict[str, Any]]] = [("response_format", shape)] if shape is not None else []
    outputs = wire.structured_outputs
    if outputs is not None:
        inside = {
            "json": outputs.json_,
            "json_object": outputs.json_object or None,
            "regex": outputs.regex,
            "choice": outputs.choice,
            "grammar": outputs.grammar,
        }
        found = [(f"structured_outputs.{name}", {name: value}) for name, value in inside.items() if value is not None]
        if not found:
            raise InvalidInput("'structured_outputs' says nothing to keep to", field="structured_outputs")
        asked += found
    for name in ("json", "regex", "choice", "grammar"):
        value = getattr(wire, f"guided_{name}")
        if value is not None:
            asked.append((f"guided_{name}", {name: value}))
    if not asked:
        return None
    if len(asked) > 1:
        raise InvalidInput(f"'{asked[1][0]}' and '{asked[0][0]}' cannot both be kept to; send one", field=asked[1][0])
    field, one = asked[0]
    if isinstance(one.get("json"), str):
        try:
            one = {"json": orjson.loads(one["json"])}
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"'{field}' is not the JSON of a schema: {error.msg}", field=field) from error
    if "json" in one and not isinstance(one["json"], dict):
        raise InvalidInput(f"'{field}' must be a JSON Schema, which is an object", field=field)
    return one
