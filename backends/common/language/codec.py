"""Text to token ids and back, by whatever knows the model's vocabulary.

Knows whole texts; does not know streams.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence


class Codec:
    """A tokenizer, whose ids are below `size`. `decode` never fails: bytes that are no text become U+FFFD."""

    def __init__(
        self,
        encode: Callable[[str, bool], list[int]],
        decode: Callable[[list[int], bool], str],
        size: Callable[[], int],
    ) -> None:
        self._encode = encode
        self._decode = decode
        self._size = size

    @functools.cached_property
    def size(self) -> int:
        """Ids go from 0 to one less."""
        return self._size()

    def encode(self, prompt: str) -> list[int]:
        """The prompt's ids, with the tokenizer's special tokens unless the prompt begins with them already."""
        # Chat templates write the BOS out; a second one makes answers worse, and nobody would see why.
        doubled = bool(self._bos) and prompt.startswith(self._bos)
        return self._encode(prompt, not doubled)

    def encode_alone(self, text: str) -> list[int]:
        """The ids of a text, without any that the tokenizer would add."""
        return self._encode(text, False)

    def without_bos(self, prompt: str) -> str:
        """The prompt as it is to be given to a tokenizer that puts its special tokens before whatever comes."""
        return prompt.removeprefix(self._bos)

    @functools.cached_property
    def _bos(self) -> str:
        added = self._encode("", True)
        return self._decode(added[:1], False) if added else ""

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        return self._decode(list(ids), skip_special_tokens)

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - one codec lives as long as its model
    def name(self, token: int) -> str:
        """The text of one token by itself."""
        return self._decode([token], False)
