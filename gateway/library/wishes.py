"""What callers ask to be fetched or made, checked: a model of a hub and never a file of this host, known parameters.

Pure; knows names and ranges, does not know how anything is done.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.library import PullRequest, VariantRequest
from modelyard.catalog.variants import Changes
from modelyard.entry import checked_name
from modelyard.errors import BadEntryName, FieldRefused, InvalidInput

# What people paste: a page's address, Ollama's short form of it, or the bare id; a tag picks a GGUF file. ASCII, and no
# part begins with a dot: whatever this is, it leads nowhere in a file system.
_PREFIX = re.compile(r"(https?://)?(www\.)?(hf\.co|huggingface\.co)/|hf://(models/)?")
_HUB_ID = re.compile(r"(?P<id>\w[\w.-]*(/\w[\w.-]*)?)(:(?P<tag>\w[\w.-]*))?/?", re.ASCII)
_OPTIONS = frozenset({"precision", "target", "task", "revision", "file"})
_LONGEST = 512  # characters of a source or an option

# Of each parameter that a variant may have: whether it is whole, the least and the most that it may be.
_RANGES: Mapping[str, tuple[bool, float, float]] = {
    "temperature": (False, 0, math.inf),
    "top_p": (False, 0, 1),
    "top_k": (True, -1, 2**31 - 1),
    "min_p": (False, 0, 1),
    "repetition_penalty": (False, 1e-6, 100),
    "presence_penalty": (False, -2, 2),
    "frequency_penalty": (False, -2, 2),
    "seed": (True, 0, 2**63 - 1),
    "min_tokens": (True, 0, 2**31 - 1),
    "max_tokens": (True, 1, 2**31 - 1),
}
_IN_THE_CARD = {"max_tokens": "max_new_tokens"}  # where a generation_config.json has another name


@dataclass(frozen=True)
class Wish:
    """A model of a hub, the name it is to have here, and the options of the command that fetches it."""

    source: str
    name: str
    options: tuple[tuple[str, str], ...] = ()


def to_wish(request: PullRequest) -> Wish:
    """Raises InvalidInput with the field."""
    prefix = _PREFIX.match(request.source)
    bare = request.source[prefix.end() :] if prefix else request.source
    found = _HUB_ID.fullmatch(bare) if len(bare) <= _LONGEST else None
    if found is None:
        raise InvalidInput(
            "this is no model of a hub",
            field="source",
            hint="write it as organisation/model, or hf.co/organisation/model:Q4_K_M; files of this host are converted "
            "by its command line",
        )
    for option, value in request.options.items():
        if option not in _OPTIONS:
            raise FieldRefused(option, "a pull has no such option")
        if not value or len(value) > _LONGEST or not value.isprintable():
            raise InvalidInput(f"'{option}' must be one line of text", field=option)
    default = found["id"].rpartition("/")[2] + (f"-{found['tag']}" if found["tag"] else "")
    source = found["id"] + (f":{found['tag']}" if found["tag"] else "")
    return Wish(source, checked_name(request.name or default), tuple(sorted(request.options.items())))


def to_changes(request: VariantRequest) -> Changes:
    """Raises InvalidInput with the field."""
    try:
        checked_name(request.name)
    except BadEntryName as error:
        error.field = "name"
        raise
    given = {_IN_THE_CARD.get(name, name): _checked(name, value) for name, value in request.parameters.items()}
    return Changes(request.system, request.template, given, request.license)


def _checked(name: str, value: Any) -> Any:
    where = f"parameters.{name}"
    if name == "stop":
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(each, str) and each for each in texts):
            raise InvalidInput(f"'{where}' must be a text or a list of texts", field=where)
        return list(texts)
    if name not in _RANGES:
        raise FieldRefused(where, "a model has no such parameter of its own")
    whole, least, most = _RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise InvalidInput(f"'{where}' must be a {'whole number' if whole else 'number'}", field=where)
    if not least <= value <= most or not math.isfinite(value):
        raise InvalidInput(f"'{where}' must be {_in_words(least, most)}", field=where)
    return value


def _in_words(least: float, most: float) -> str:
    return f"at least {least:g}" if most > 2**30 else f"from {least:g} to {most:g}"
