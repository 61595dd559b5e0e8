"""Texts and pairs of texts to the rows of numbers that a network reads, by the checkpoint's own tokenizer.

Knows tokenizer.json; does not know what the numbers are for.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..failures import Refused
from ..settings import BadSetting


@dataclass(frozen=True)
class Row:
    """One text or pair. `skip` is how many tokens at its beginning do not count when vectors are pooled."""

    ids: Sequence[int]
    types: Sequence[int]
    skip: int = 0


class Tokenizer:
    """Cuts off what is longer than `max_tokens`, the longer text of a pair first; special tokens stay."""

    def __init__(self, folder: Path, *, max_tokens: int, truncate: bool) -> None:
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise BadSetting(f"{file} is missing")
        # Imported here, so that this module can be read without the library.
        library = importlib.import_module("tokenizers")
        try:
            self._tokenizer: Any = library.Tokenizer.from_file(str(file))
        except Exception as error:
            raise BadSetting(f"{file} cannot be read: {error}") from None
        # Files of checkpoints may carry what their training used.
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        if truncate:
            self._tokenizer.enable_truncation(max_tokens, strategy="longest_first")
        self._max_tokens = max_tokens

    def rows(self, texts: Sequence[str | tuple[str, str]], name: str, *, skip: int = 0) -> list[Row]:
        """A row for each; `name` is the input that they came in. Raises Refused where one is too long to be read."""
        rows = [
            Row(found.ids, found.type_ids, min(skip, len(found.ids)))
            for found in self._tokenizer.encode_batch(texts, add_special_tokens=True)
        ]
        for place, row in enumerate(rows):
            if len(row.ids) > self._max_tokens:
                raise Refused(
                    f"element {place} of '{name}' has {len(row.ids)} tokens, the model reads {self._max_tokens}, "
                    "and TRUNCATE is off"
                )
            if not row.ids:
                raise Refused(f"element {place} of '{name}' has no tokens")
        return rows

    def length_of_prompt(self, prompt: str) -> int:
        """How many tokens of a text that begins with the prompt are the prompt's own."""
        found = self._tokenizer.encode(prompt, add_special_tokens=True)
        # A special token at the end of the prompt alone is at the end of the whole text later.
        return len(found.ids) - (1 if found.special_tokens_mask[-1:] == [1] else 0)
