"""Names of models as Ollama's clients write them: "demo:latest" is "demo".

Knows the spelling only; does not know which models there are.
"""

from __future__ import annotations

_LATEST = ":latest"


def plain(name: str) -> str:
    """Our name of the model, which may have an adapter's after a colon."""
    return name.removesuffix(_LATEST)


def tagged(name: str) -> str:
    """As Ollama lists it: with a tag, which clients look for."""
    return name if ":" in name else name + _LATEST


def base_of(name: str) -> str:
    """The model that an adapter belongs to."""
    return name.partition(":")[0]
