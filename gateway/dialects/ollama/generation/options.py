"""Ollama's `options`: how tokens are chosen, when an answer ends, and what the engine was started with.

Knows Ollama's names and defaults, and which of ours they are; https://docs.ollama.com/modelfile lists them.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from gateway.dialects.ollama.wire import Wire
from gateway.dialects.refusals import Refusal, without_refused
from gateway.dialects.text import NonEmpty
from gateway.domain.generation import Sampling
from modelyard.errors import FieldRefused

_MAX_INT = 2**31 - 1
# More than any context has; the engine ends the answer where the context is full.
_UNTIL_THE_END = _MAX_INT

_NO_MIROSTAT = "the engines do not sample by Mirostat"
_SETTLED = "how an engine runs was settled when the model was converted; see the entry's config.pbtxt"
# With the values that ask for nothing, which are Ollama's defaults.
REFUSED = {
    "typical_p": Refusal("the engines do not sample by typicality", (None, 1, 1.0)),
    "tfs_z": Refusal("the engines do not sample tail free", (None, 1, 1.0)),
    "mirostat": Refusal(_NO_MIROSTAT, (None, 0)),
    "mirostat_tau": Refusal(_NO_MIROSTAT, (None, 5, 5.0)),
    "mirostat_eta": Refusal(_NO_MIROSTAT, (None, 0.1)),
    "num_keep": Refusal(
        "a prompt that is too long is refused and never cut, so no part of it is kept before another", (None, -1, 0, 4)
    ),
    "penalize_newline": Refusal("penalties fall on every token", (None, True)),
    "numa": Refusal(_SETTLED, (None, False)),
    "num_batch": Refusal(_SETTLED, (None, 512)),
    "num_gpu": Refusal(_SETTLED, (None, -1)),
    "main_gpu": Refusal(_SETTLED, (None, 0)),
    "num_thread": Refusal(_SETTLED, (None, 0)),
    "low_vram": Refusal(_SETTLED, (None, False)),
    "f16_kv": Refusal(_SETTLED, (None, True)),
    "use_mmap": Refusal(_SETTLED, (None, True)),
    "use_mlock": Refusal(_SETTLED, (None, False)),
    "logits_all": Refusal("ask for logprobs instead", (None, False)),
    "vocab_only": Refusal("a model is always served whole", (None, False)),
    "embedding_only": Refusal("embeddings have endpoints of their own", (None, False)),
}

_Window = Annotated[int, Field(ge=-1, le=_MAX_INT)]


# Ours to those of Ollama's that are others, for what an engine refuses.
NAMES = {
    "max_tokens": "options.num_predict",
    "repetition_penalty": "options.repeat_penalty",
    **{
        name: f"options.{name}"
        for name in (
            "temperature",
            "top_p",
            "top_k",
            "min_p",
            "presence_penalty",
            "frequency_penalty",
            "seed",
            "stop",
        )
    },
}


class Options(Wire):
    WHERE: ClassVar[str] = "options"  # what errors call this object

    temperature: float | None = Field(None, ge=0, le=100)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=-1, le=_MAX_INT, description="0 and -1: all tokens.")
    min_p: float | None = Field(None, ge=0, le=1)
    repeat_penalty: float | None = Field(None, gt=0, le=100, description="Over the prompt and the answer.")
    repeat_last_n: _Window | None = Field(None, description="-1: penalties look at everything; 0: there are none.")
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    num_predict: int | None = Field(
        None, ge=-2, le=_MAX_INT, description="-1, -2 and 0: until the model ends or its context is full."
    )
    num_ctx: int | None = Field(
        None, ge=1, le=_MAX_INT, description="At most the model's context, which it has anyway."
    )
    seed: int | None = Field(None, ge=-(2**63), lt=2**63, description="-1: another one each time.")
    stop: NonEmpty | list[NonEmpty] | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(given, REFUSED, where=cls.WHERE)

    @model_validator(mode="after")
    def _window_of_penalties(self) -> Options:
        if self.repeat_last_n not in (None, -1, 0) and self._penalises():
            raise FieldRefused(
                f"{self.WHERE}.repeat_last_n",
                "penalties look at the whole prompt and answer; say -1 for that, or 0 for no penalties",
            )
        return self

    def _penalises(self) -> bool:
        return self.repeat_penalty not in (None, 1) or bool(self.presence_penalty or self.frequency_penalty)


def to_sampling(options: Options | None, **others: Any) -> Sampling:
    """`others` are fields of Sampling that Ollama has elsewhere."""
    if options is None:
        return Sampling(**others)
    unpenalised = options.repeat_last_n == 0
    stop = (options.stop,) if isinstance(options.stop, str) else tuple(options.stop or ())
    return Sampling(
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=-1 if options.top_k == 0 else options.top_k,
        min_p=options.min_p,
        max_tokens=_most(options.num_predict),
        stop=stop or None,
        # Engines want no negative seed.
        seed=None if options.seed in (None, -1) else options.seed & (2**63 - 1),
        presence_penalty=0.0 if unpenalised else options.presence_penalty,
        frequency_penalty=0.0 if unpenalised else options.frequency_penalty,
        repetition_penalty=1.0 if unpenalised else options.repeat_penalty,
        **others,
    )


def _most(num_predict: int | None) -> int | None:
    return _UNTIL_THE_END if num_predict is not None and num_predict <= 0 else num_predict


def check_context(options: Options | None, context_length: int | None) -> None:
    """Raises FieldRefused when more context is asked for than the model has."""
    if options is None or options.num_ctx is None or context_length is None:
        return
    if options.num_ctx > context_length:
        raise FieldRefused(f"{options.WHERE}.num_ctx", f"the model's context is {context_length} tokens")
