"""Sampling parameters in the words of llama.cpp's server, and which ones it cannot honour.

Knows names of fields; sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..common.language import sampling as common
from .constraints import grammar_of

# Parameters of vLLM that this engine cannot honour, and what to say. At these values they ask for nothing.
_UNSUPPORTED = {
    "min_tokens": "llama.cpp cannot put the end of an answer off",
    "prompt_logprobs": "llama.cpp's server does not report the logprobs of a prompt",
    "best_of": "it was removed from vLLM; ask for n answers instead",
    "bad_words": "llama.cpp cannot ban words, but 'logit_bias' bans tokens",
    "allowed_token_ids": "llama.cpp cannot restrict the tokens, but 'structured_outputs' restricts the text",
    "truncate_prompt_tokens": "this backend refuses a prompt that is too long instead of cutting it",
    "logits_processors": "it cannot be sent over the network",
    "extra_args": "this backend has none",
}
_RANDOM_SEED = 2**32 - 1  # llama.cpp's word for "draw one"
_MOST_LOGPROBS = 64
# As vLLM orders them; llama.cpp's own order has the temperature last.
_SAMPLERS = ("penalties", "temperature", "min_p", "top_k", "top_p")


@dataclass(frozen=True)
class Sampling(common.Sampling):
    """What a caller asked for, for llama.cpp. `structured_outputs` is a grammar, or empty."""

    logit_bias: tuple[tuple[int, float], ...] = ()
    lora_name: str | None = None
    structured_outputs: str = ""
    guided_decoding: str = ""  # vLLM's older name of the same

    @property
    def constrained(self) -> bool:
        return bool(self.structured_outputs or self.guided_decoding)

    def for_engine(self, *, room: int, seed: int, with_logprobs: bool) -> dict[str, Any]:
        """The fields of a request to /completion, and what this backend's engine process does itself."""
        fields: dict[str, Any] = {
            "n_predict": self.most_tokens(room),
            "ignore_eos": self.ignore_eos,
            "repeat_penalty": self.repetition_penalty,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "samplers": _SAMPLERS,
            "temperature": 0.0,
            "seed": seed % _RANDOM_SEED,
            "n_probs": max(1, self.logprobs or 0) if with_logprobs else 0,
            "grammar": self.structured_outputs or self.guided_decoding,
        }
        if not self.greedy:
            fields |= {
                "temperature": self.temperature,
                "top_p": self.top_p,
                "top_k": self.top_k,
                "min_p": self.min_p,
            }
        if self.logit_bias:
            fields["logit_bias"] = self.logit_bias
        return {
            "fields": fields,
            "lora_name": self.lora_name,
            "stop_token_ids": frozenset(self.stop_token_ids),
            "include_stop": self.include_stop_str_in_output,
            "show_special": not self.skip_special_tokens,
            "alternatives": self.logprobs or 0,
        }


def _logit_bias(value: Any) -> tuple[tuple[int, float], ...]:
    words = "an object of token ids and numbers from -100 to 100"
    if not isinstance(value, dict):
        raise ValueError(words)
    bias = common.number(-100, 100, words)
    if not all(token.isascii() and token.isdigit() and int(token) < 2**31 for token in value):
        raise ValueError(words)
    return tuple((int(token), bias(each)) for token, each in value.items())


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("the name of an adapter")
    return value


SAMPLING = common.SamplingReader(
    Sampling,
    unsupported=_UNSUPPORTED,
    parsers={
        "logprobs": common.whole(0, _MOST_LOGPROBS, f"a whole number from 0 to {_MOST_LOGPROBS}"),
        "logit_bias": _logit_bias,
        "lora_name": _name,
        "structured_outputs": grammar_of,
        "guided_decoding": grammar_of,
    },
)
