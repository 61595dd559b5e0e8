"""What lies behind a dialect names fields by our words; its client is to read the names that it sent.

Each dialect has a table of the names that are others. Knows errors; knows no dialect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from modelyard.errors import InvalidInput, PromptTooLong


@contextmanager
def named(names: Mapping[str, str], *, too_long: str = "input") -> Iterator[None]:
    """An InvalidInput of the block names the field as the client knows it, in its sentence too; `names` has those that
    are other than ours, and under "" the one of an error that names none.

    `too_long` is the field of an input that the model has no room for.
    """
    try:
        yield
    except InvalidInput as error:
        ours = error.field or ""
        error.field = too_long if isinstance(error, PromptTooLong) else names.get(ours, error.field)
        if ours and error.field != ours:
            error.message = error.message.replace(f"'{ours}'", f"'{error.field}'")
        raise
