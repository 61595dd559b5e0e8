"""Text to token ids and back, by the checkpoint's own tokenizer.

Two libraries can do it: `tokenizers` with the checkpoint's tokenizer.json, thirty times as fast for a short text, and
OpenVINO's converted tokenizer, for an entry that has nothing else. Knows whole texts; does not know streams.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any

from ..common.language.codec import Codec


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

    return Codec(encode, decode, lambda: _size(tokenizer))


def _of_openvino(tokenizer: Any) -> Codec:
    def encode(text: str, special: bool) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=special).input_ids.data[0].tolist()
        return ids

    def decode(ids: list[int], skip_special: bool) -> str:
        text: str = tokenizer.decode(ids, skip_special_tokens=skip_special) if ids else ""
        return text

    return Codec(encode, decode, lambda: _size(tokenizer))


def _size(tokenizer: Any) -> int:
    # Not how many there are: some checkpoints leave ids out.
    return 1 + int(max(tokenizer.get_vocab().values(), default=-1))
