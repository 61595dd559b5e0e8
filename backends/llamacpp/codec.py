"""Text to token ids by the engine itself: nobody else reads a GGUF file's tokenizer as llama.cpp does.

Knows the server's questions; does not know requests.
"""

from __future__ import annotations

import http.client
from typing import Any

from ..common.failures import RequestFailed
from ..common.language.codec import Codec
from ..common.language.failures import engine_restarting
from .llama_http import Call, ServerFailed, ServerRefused

_PATIENCE_S = 60.0  # a prompt of a million characters takes half a second


def open_codec(socket: str) -> Codec:
    """The tokenizer of the engine that listens on `socket`."""

    def ask(what: str, question: dict[str, Any] | None) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = Call(socket, timeout_s=_PATIENCE_S).ask(what, question)
        except TimeoutError:
            raise RequestFailed("UNAVAILABLE", "the engine does not answer; try again shortly") from None
        except (OSError, ValueError, ServerFailed, ServerRefused, http.client.HTTPException) as error:
            raise engine_restarting(str(error) or type(error).__name__) from None
        return answer

    def encode(text: str, special: bool) -> list[int]:
        # Special tokens that are written out in the prompt are meant, as chat templates write them.
        tokens: list[int] = ask("/tokenize", {"content": text, "add_special": special, "parse_special": True})["tokens"]
        return tokens

    def decode(ids: list[int], skip_special: bool) -> str:
        return str(ask("/detokenize", {"tokens": ids})["content"])

    def size() -> int:
        return int(ask("/v1/models", None)["data"][0]["meta"]["n_vocab"])

    return Codec(encode, decode, size)
