"""The entries of the repository as the gateway tells of them, read again only where a file has changed.

Reads files, so it belongs off the event loop; changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from gateway.domain.library import InstalledModel
from modelyard.card import ModelCard
from modelyard.catalog.configuration import backend_and_parameters_of
from modelyard.catalog.installed import Installed, look_up
from modelyard.catalog.placement import is_on_gpu
from modelyard.entry import Entry, entries_in
from modelyard.errors import BadEntryName, EntryNotFound
from modelyard.manifest import read_manifest

# Of a file: inode, size and time. An entry that is replaced is a folder of other inodes.
_Stamp = tuple[tuple[int, int, int], ...]


class Shelf:
    """What is installed. An entry costs two questions to the file system while it stays as it was."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._known: dict[str, tuple[_Stamp, InstalledModel]] = {}

    def installed(self) -> list[InstalledModel]:
        """Every entry, by name; one that goes while one looks is not among them."""
        found = []
        for entry in entries_in(self._repository):
            with contextlib.suppress(FileNotFoundError):
                found.append(self._read(entry))
        for gone in self._known.keys() - {model.name for model in found}:
            self._known.pop(gone, None)
        return found

    def find(self, name: str) -> InstalledModel:
        """The entry of that name. Raises EntryNotFound."""
        try:
            return self._read(look_up(self._repository, name).entry)
        except (BadEntryName, FileNotFoundError):
            raise EntryNotFound(name, [entry.name for entry in entries_in(self._repository)]) from None

    def _read(self, entry: Entry) -> InstalledModel:
        stamp = _stamp(entry)
        known = self._known.get(entry.name)
        if known is not None and known[0] == stamp:
            return known[1]
        model = _described(Installed(entry, read_manifest(entry)))
        self._known[entry.name] = (stamp, model)
        return model


def _stamp(entry: Entry) -> _Stamp:
    figures = [entry.config.stat()]
    with contextlib.suppress(FileNotFoundError):
        figures.append(entry.manifest.stat())
    return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in figures)


def _described(found: Installed) -> InstalledModel:
    manifest = found.manifest
    written = (found.entry.manifest if manifest is not None else found.entry.config).stat().st_mtime
    backend, parameters = _configured(found.entry)
    card = _card(parameters)
    model = InstalledModel(
        found.name,
        card,
        size=found.size if manifest is None else manifest.size,
        digest=found.digest,
        modified=datetime.fromtimestamp(written, timezone.utc),
        system=card.system,
        on_gpu=is_on_gpu(backend, parameters),
    )
    if manifest is None:
        return model
    return replace(
        model,
        architecture=manifest.architecture,
        parameters=manifest.parameters,
        precision=manifest.precision,
        target=manifest.target,
        license=manifest.license,
        source=manifest.source.location if manifest.source.kind == "hub" else None,  # a path is this host's own affair
    )


def _configured(entry: Entry) -> tuple[str, dict[str, str]]:
    """Backend and parameters. An entry that somebody wrote by hand may say anything; it is listed all the same."""
    try:
        return backend_and_parameters_of(entry.config.read_text(encoding="utf-8"))
    except ValueError:
        return "", {}


def _card(parameters: Mapping[str, str]) -> ModelCard:
    try:
        return ModelCard.from_parameters(parameters)
    except ValueError:
        return ModelCard()
