"""Strings as bodies may have them: text that can be encoded, so no half of a surrogate pair.

JSON can carry such a half ("\\ud800"), and no tokenizer can take it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def _encodable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("it has half of a surrogate pair, which is not text") from None
    return value


Text = Annotated[str, AfterValidator(_encodable)]
NonEmpty = Annotated[Text, Field(min_length=1)]
