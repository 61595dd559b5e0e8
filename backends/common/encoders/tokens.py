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
        self._max_tokens = max_tokens
        self._truncate = truncate
        self._truncates = False  # as the library is set now
        # Not how many there are: some checkpoints leave ids out.
        self._size = 1 + max(self._tokenizer.get_vocab().values(), default=-1)

    def rows(
        self, texts: Sequence[str | tuple[str, str]], name: str, *, skip: int = 0, truncate: bool | None = None
    ) -> list[Row]:
        """A row for each; `name` is the input that they came in, `truncate` None is as the entry says.

        Raises Refused where one is too long to be read.
        """
        truncate = self._truncate if truncate is None else truncate
        self._cut(truncate)
        rows = [
            Row(found.ids, found.type_ids, min(skip, len(found.ids)))
            for found in self._tokenizer.encode_batch(texts, add_special_tokens=True)
        ]
        for place, row in enumerate(rows):
            self._check(row, place, name)
        return rows

    def rows_of_ids(self, given: Sequence[Sequence[int]], name: str, *, truncate: bool | None) -> list[Row]:
        """A row for each list of ids, which are read as they stand. Raises Refused."""
        most = self._max_tokens if (self._truncate if truncate is None else truncate) else None
        rows = []
        for place, ids in enumerate(given):
            for each in ids:
                if not 0 <= each < self._size:
                    raise Refused(
                        f"'{name}' has {each} in element {place}, but this model's tokens are 0 to {self._size - 1}"
                    )
            kept = list(ids[:most])
            rows.append(Row(kept, [0] * len(kept)))
            self._check(rows[-1], place, name)
        return rows

    def ids_of(self, text: str, *, special_tokens: bool) -> list[int]:
        """All of a text's tokens, however many."""
        self._cut(False)
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=special_tokens).ids
        return ids

    def text_of(self, ids: Sequence[int], name: str) -> str:
        """Special tokens are written out. Raises Refused for tokens that there are not."""
        if unknown := [each for each in ids if not 0 <= each < self._size]:
            raise Refused(f"'{name}' has {unknown[0]}, but this model's tokens are 0 to {self._size - 1}")
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def _check(self, row: Row, place: int, name: str) -> None:
        if len(row.ids) > self._max_tokens:
            raise Refused(
                f"element {place} of '{name}' has {len(row.ids)} tokens, the model reads {self._max_tokens}, "
                "and TRUNCATE is off"
            )
        if not row.ids:
            raise Refused(f"element {place} of '{name}' has no tokens")

    def _cut(self, truncate: bool) -> None:
        # A setting of the library's, and requests are read one after the other.
        if truncate != self._truncates:
            self._truncates = truncate
            if truncate:
                self._tokenizer.enable_truncation(self._max_tokens, strategy="longest_first")
            else:
                self._tokenizer.no_truncation()

    def length_of_prompt(self, prompt: str) -> int:
        """How many tokens of a text that begins with the prompt are the prompt's own."""
        found = self._tokenizer.encode(prompt, add_special_tokens=True)
        # A special token at the end of the prompt alone is at the end of the whole text later.
        return len(found.ids) - (1 if found.special_tokens_mask[-1:] == [1] else 0)
