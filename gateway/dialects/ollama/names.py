"""Names of models as Ollama's clients write them: "demo:latest" is "demo", and a hub's name is the model pulled by it.

Knows spellings, and where installed models came from; does not know how they are kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone

from gateway.domain.library import InstalledModel, Library
from modelyard.errors import EntryNotFound, NoRepository

_LATEST = ":latest"
_HUB = re.compile(r"((https?://)?(www\.)?(hf\.co|huggingface\.co)/|hf://(models/)?)", re.IGNORECASE)
_LONG_AGO = datetime.fromtimestamp(0, timezone.utc)


def plain(name: str) -> str:
    """Our name of the model, which may have an adapter's after a colon."""
    return name.removesuffix(_LATEST)


def tagged(name: str) -> str:
    """As Ollama lists it: with a tag, which clients look for."""
    return name if ":" in name else name + _LATEST


def base_of(name: str) -> str:
    """The model that an adapter belongs to."""
    return name.partition(":")[0]


def pulled_by(name: str, installed: Sequence[InstalledModel]) -> InstalledModel | None:
    """The model that came from what a hub calls so.

    Of several it is the one with the name that a pull gives, since copies and variants came from there too; else the
    newest.
    """
    wanted = _reference(name)
    found = [each for each in installed if each.source is not None and _reference(each.source) == wanted]
    model, tag = wanted
    usual = "-".join([model.rpartition("/")[2], *([tag] if tag else [])]).casefold()
    return max(found, key=lambda each: (each.name.casefold() == usual, each.modified or _LONG_AGO), default=None)


def _reference(name: str) -> tuple[str, str]:
    """The id and the quantization, which is written either way."""
    id, _, tag = plain(_HUB.sub("", name, count=1) if _HUB.match(name) else name).rstrip("/").partition(":")
    return id, tag.casefold()


class Names:
    """Finds the model that a client means. Only a name that none here can have costs a look at what is installed."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def ours(self, name: str) -> str:
        """Our name of the model. One that nothing was pulled by is left as it is, and names nothing."""
        name = plain(name)
        if "/" not in name:  # which no folder of a repository has in its name
            return name
        found = pulled_by(name, await self._installed())
        return found.name if found is not None else name

    async def known(self, name: str) -> str:
        """Our name of the model. Raises EntryNotFound for a hub's name that nothing was pulled by."""
        found = await self.ours(name)
        if "/" in found:
            raise EntryNotFound(found, [each.name for each in await self._installed()])
        return found

    async def _installed(self) -> Sequence[InstalledModel]:
        try:
            return await self._library.installed()
        except NoRepository:
            return ()
