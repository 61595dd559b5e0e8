"""Sampling parameters in the words of OpenVINO GenAI, and which ones it cannot honour.

Knows names of attributes; does not know the engine's types.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ..common.failures import Refused
from ..common.language import sampling as common
from .constraints import grammar_of

# Parameters of vLLM that this engine cannot honour, and what to say. At these values they ask for nothing.
_UNSUPPORTED = {
    "lora_name": "this model was loaded without LoRA adapters",
    "logit_bias": "OpenVINO GenAI has no logit bias",
    "prompt_logprobs": "OpenVINO GenAI does not report the logprobs of a prompt",
    "best_of": "it was removed from vLLM; ask for n answers instead",
    "bad_words": "OpenVINO GenAI cannot ban words",
    "allowed_token_ids": "OpenVINO GenAI cannot restrict the tokens",
    "truncate_prompt_tokens": "this backend refuses a prompt that is too long instead of cutting it",
    "logits_processors": "it cannot be sent over the network",
    "extra_args": "this backend has none",
}


@dataclass(frozen=True)
class Sampling(common.Sampling):
    """What a caller asked for, for OpenVINO GenAI. `structured_outputs` is a grammar, or empty."""

    lora_name: str | None = None
    structured_outputs: str = ""
    guided_decoding: str = ""  # vLLM's older name of the same

    def __post_init__(self) -> None:
        # The end would be forbidden where the grammar allows nothing else.
        if self.constrained and self.min_tokens:
            raise Refused("'min_tokens' cannot be honoured: the constraint says when the answer ends")

    @property
    def constrained(self) -> bool:
        return bool(self.structured_outputs or self.guided_decoding)

    def for_engine(self, *, room: int, seed: int, with_logprobs: bool) -> dict[str, Any]:
        """The attributes of a GenerationConfig for one sequence."""
        most = self.most_tokens(room)
        attributes: dict[str, Any] = {
            "max_new_tokens": most,
            "min_new_tokens": min(self.min_tokens, most),
            "ignore_eos": self.ignore_eos,
            "stop_token_ids": list(self.stop_token_ids),
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repetition_penalty": self.repetition_penalty,
            "logprobs": int(with_logprobs),
        }
        if self.constrained:
            attributes["grammar"] = self.structured_outputs or self.guided_decoding
        if self.lora_name is not None:
            attributes["lora_name"] = self.lora_name
        if not self.greedy:
            attributes |= {
                "do_sample": True,
                "temperature": self.temperature,
                "top_p": self.top_p,
                "min_p": self.min_p,
                "rng_seed": seed,
            }
            if self.top_k:
                attributes["top_k"] = self.top_k
        return attributes


def _chosen_only(value: Any) -> int:
    if isinstance(value, bool) or value != 0:
        raise Refused(
            "'logprobs' cannot be honoured above 0: OpenVINO GenAI reports the chosen token's and no alternatives"
        )
    return 0


def sampling_with(adapters: Collection[str]) -> common.SamplingReader[Sampling]:
    """What reads the sampling parameters for a model with these LoRA adapters."""

    def adapter(value: Any) -> str:
        if value not in adapters:
            raise ValueError(f"one of this model's adapters ({', '.join(adapters)})")
        return str(value)

    unsupported = dict(_UNSUPPORTED)
    parsers: dict[str, common.Parser] = {
        "logprobs": _chosen_only,
        "structured_outputs": grammar_of,
        "guided_decoding": grammar_of,
    }
    if adapters:
        del unsupported["lora_name"]
        parsers["lora_name"] = adapter
    return common.SamplingReader(Sampling, unsupported=unsupported, parsers=parsers)


SAMPLING = sampling_with(())
read_sampling, known_parameters = SAMPLING.read, SAMPLING.known
