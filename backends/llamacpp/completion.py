"""One sequence in the making: the server's pieces to what the backend wants to know of them.

Knows the JSON of llama.cpp's /completion; does not know messages, threads or Triton.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

from .llama_http import Call, ServerFailed, ServerRefused
from .settings import BackendSettings

# The fields of a Tokens: ids, their logprobs, the finish reason, text, how many tokens were made, and what is told of
# each id. Inside of a character llama.cpp counts tokens without naming them.
Piece = tuple[list[int], list[float], "str | None", str, int, list[dict[str, Any]]]

_NEVER = -9999.0  # vLLM's figure for a probability of 0, whose logarithm JSON cannot say


class Completion:
    """A sequence; `cancel` may be called from any thread."""

    def __init__(self, settings: BackendSettings, ids: list[int], attributes: dict[str, Any]) -> None:
        self._settings = settings
        self._ids = ids
        self._attributes = attributes
        self._call = Call(settings.socket)
        self.cancelled = False
        self.tokens = len(ids)  # in the cache

    def cancel(self) -> None:
        self.cancelled = True
        self._call.cancel()

    def pieces(self) -> Iterator[Piece]:
        """What comes, until its end. Raises ServerRefused and, unless it was cancelled, ServerFailed."""
        try:
            yield from self._pieces()
        except (OSError, ValueError, http.client.HTTPException) as error:
            if not self.cancelled:
                raise ServerFailed(f"the answer broke off ({error!r})") from error

    def _pieces(self) -> Iterator[Piece]:
        attributes, made, special = self._attributes, 0, ""
        for chunk in self._call.stream("/completion", self._question()):
            if self.cancelled:
                return
            ids: list[int] = chunk["tokens"]
            new, made = chunk["tokens_predicted"] - made, chunk["tokens_predicted"]
            self.tokens = len(self._ids) + made
            if chunk["stop"]:
                finish = "length" if chunk["stop_type"] == "limit" else "stop"
                # What ends an answer is no part of its text.
                shown = finish == "length" or attributes["include_stop"]
                yield [], [], finish, special if shown else "", new, []
                return
            text, special = special + chunk["content"], ""
            if attributes["show_special"] and ids and not chunk["content"]:
                special = self._written(ids)
            ends = not attributes["stop_token_ids"].isdisjoint(ids)
            if ends:
                text = text + special if attributes["include_stop"] else text.removesuffix(chunk["content"])
            told = chunk.get("completion_probabilities", [])
            logprobs = [_figure(each["logprob"]) for each in told] or [0.0] * len(ids)
            about = [_about(each, attributes["alternatives"]) for each in told]
            yield ids, logprobs, "stop" if ends else None, text, new, about
            if ends:
                return
        if not self.cancelled:
            raise ServerFailed("the answer broke off")

    def _question(self) -> dict[str, Any]:
        question = {
            **self._attributes["fields"],
            "prompt": self._ids,
            "stream": True,
            "return_tokens": True,
            "cache_prompt": True,
            "repeat_last_n": self._settings.context_length,
        }
        wanted, names = self._attributes["lora_name"], [name for name, _ in self._settings.adapters]
        if wanted is not None and wanted not in names:
            raise ServerRefused(
                f"'lora_name' is '{wanted}', but this model's adapters are {', '.join(names) or 'none'}"
            )
        if names:
            question["lora"] = [{"id": index, "scale": float(name == wanted)} for index, name in enumerate(names)]
        return question

    def _written(self, ids: list[int]) -> str:
        return str(Call(self._settings.socket).ask("/detokenize", {"tokens": ids})["content"])


def _about(told: dict[str, Any], alternatives: int) -> dict[str, Any]:
    """The chosen token first, then the likeliest ones; a rank is known among these only."""
    ranks = {each["id"]: rank for rank, each in enumerate(told["top_logprobs"], 1)}
    wanted = [told, *told["top_logprobs"][:alternatives]]
    return {
        str(each["id"]): {
            "logprob": _figure(each["logprob"]),
            "rank": ranks.get(each["id"]),
            "decoded_token": each["token"],
        }
        for each in wanted
    }


def _figure(logprob: float | None) -> float:
    return _NEVER if logprob is None else max(logprob, _NEVER)
