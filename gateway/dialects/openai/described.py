"""The description of a form, which tells the model what its answer is for: guided generation only holds it to the form.

Knows messages; does not know where a request has the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.domain.content import Message, Text


def with_description(messages: Sequence[Message], name: str | None, description: str | None) -> tuple[Message, ...]:
    """The messages, of which the first that can has the description: after what an operator says, or before what a
    user does, since not every chat template has a place for a system's message."""
    if not description:
        return tuple(messages)
    said = Text(f"Answer with the JSON of '{name}': {description}")
    told = list(messages)
    for place, message in enumerate(told):
        if message.role in ("system", "developer"):
            told[place] = replace(message, parts=(*message.parts, said))
            return tuple(told)
        if message.role == "user":
            told[place] = replace(message, parts=(said, *message.parts))
            return tuple(told)
    return (Message("user", (said,)), *told)
