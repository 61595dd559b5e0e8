"""Text to token ids and back, by the checkpoint's own tokenizer.

Two libraries can do it: `tokenizers` with the checkpoint's tokenizer.json, thirty times as fast for a short text, and
OpenVINO's converted tokenizer, for an entry that has nothing else. Knows whole texts; does not know streams.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


class Codec:
    """A tokenizer. `decode` never fails: bytes that are no text become U+FFFD."""

    def __init__(self, encode: Callable[[str, bool], list[int]], decode: Callable[[list[int], bool], str]) -> None:
        self._encode = encode
        self._decode = decode
        added = encode("", True)
        self._bos = decode(added[:1], False) if added else ""

    def encode(self, prompt: str) -> list[int]:
        """The prompt's ids, with the tokenizer's special tokens unless the prompt begins with them already."""
        # Chat templates write the BOS out; a second one makes answers worse, and nobody would see why.
        doubled = bool(self._bos) and prompt.startswith(self._bos)
        return self._encode(prompt, not doubled)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        return self._decode(list(ids), skip_special_tokens)

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - one codec lives as long as its model
    def name(self, token: int) -> str:
        """The text of one token by itself."""
        return self._decode([token], False)


def open_codec(version_folder: Path) -> Codec:
    """The tokenizer of an entry."""
    file = version_folder / "tokenizer.json"
    if file.is_file():
        with contextlib.suppress(ImportError):
            return _of_tokenizers(importlib.import_module("tokenizers").Tokenizer.from_file(str(file)))
    # Imported only where it is needed: it takes a second and a hundred megabytes.
    return _of_openvino(importlib.import_module("openvino_genai").Tokenizer(version_folder))


def _of_tokenizers(tokenizer: Any) -> Codec:
    # Files of checkpoints may carry what their training used.
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(text: str, special: bool) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=special).ids
        return ids

    def decode(ids: list[int], skip_special: bool) -> str:
        text: str = tokenizer.decode(ids, skip_special_tokens=skip_special)
        return text

    return Codec(encode, decode)


def _of_openvino(tokenizer: Any) -> Codec:
    def encode(text: str, special: bool) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=special).input_ids.data[0].tolist()
        return ids

    def decode(ids: list[int], skip_special: bool) -> str:
        text: str = tokenizer.decode(ids, skip_special_tokens=skip_special) if ids else ""
        return text

    return Codec(encode, decode)
