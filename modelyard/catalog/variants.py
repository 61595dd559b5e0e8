"""A second entry of the same weights with other manners: a system message, a chat template, sampling of its own.

Shares the files as a copy does and writes a configuration of its own; does not know who wishes for one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from modelyard import ovms_config
from modelyard.card import CREATED, SYSTEM, ModelCard
from modelyard.catalog.configuration import parameters_of, with_parameters
from modelyard.catalog.copying import share_files
from modelyard.catalog.installed import Installed, look_up
from modelyard.catalog.renaming import give_name
from modelyard.entry import CONFIG_FILE, Entry, checked_name, locked, staged
from modelyard.errors import EntryDamaged, InvalidInput
from modelyard.manifest import FileRecord, Manifest, sha256_of

_RECORD = "variant"  # the key of the manifest's settings, so that a conversion to the name sees another model


@dataclass(frozen=True)
class Changes:
    """What is to be other than in the base. `generation_defaults` come beside those of the base, or instead of them."""

    system: str | None = None
    chat_template: str | None = None
    generation_defaults: Mapping[str, Any] = field(default_factory=dict)
    license: str | None = None


def base_of(manifest: Manifest) -> str | None:
    """The name of the model that this entry is a variant of; None where it is none."""
    made = manifest.settings.get(_RECORD)
    return str(made.get("base")) if isinstance(made, dict) else None


def changed(card: ModelCard, changes: Changes) -> ModelCard:
    """The card that a variant has."""
    return replace(
        card,
        system=card.system if changes.system is None else changes.system or None,
        chat_template=changes.chat_template or card.chat_template,
        generation_defaults={**card.generation_defaults, **changes.generation_defaults},
    )


def make_variant(
    repository: Path,
    base: str,
    new: str,
    changes: Changes,
    *,
    force: bool = False,
    on_wait: Callable[[], None] | None = None,
) -> Installed:
    """Publish a variant of `base` in one step; of the same name, it takes its place.

    Raises EntryNotFound, EntryExists when another entry has the name and `force` is not set, EntryBusy, EntryDamaged,
    InvalidInput for a licence that the base has no manifest to record in.
    """
    look_up(repository, base)
    checked_name(new)
    with contextlib.ExitStack() as held:
        # Both locks in the same order whichever is the base, so that nobody waits for the other for ever.
        if base < new:
            held.enter_context(locked(repository, base))
        entry = held.enter_context(staged(repository, new, replace=force or base == new, on_wait=on_wait))
        if new < base:
            held.enter_context(locked(repository, base))
        source = look_up(repository, base)  # again: it may have been replaced or removed meanwhile
        if changes.license is not None and source.manifest is None:
            raise InvalidInput(f"the model '{base}' has no manifest that a licence can be written to", field="license")
        share_files(source.entry, entry)
        _write_config(entry, base, changes)
        manifest = give_name(entry, base, new, _record(entry, source.manifest, changes))
    ovms_config.list_if_served(repository, new, manifest)
    return Installed(Entry(repository / new), manifest)


def _write_config(entry: Entry, base: str, changes: Changes) -> None:
    text = entry.config.read_text(encoding="utf-8")
    try:
        card = changed(ModelCard.from_parameters(parameters_of(text)), changes)
        now = str(int(datetime.now(timezone.utc).timestamp()))
        # A system message that is taken away is written as none, so that the base's own does not stay.
        written = with_parameters(text, {SYSTEM: ""} | card.to_parameters() | {CREATED: now})
    except ValueError as error:
        raise EntryDamaged(base, f"{CONFIG_FILE} cannot be read: {error}") from error
    partial = entry.config.with_suffix(".partial")
    partial.write_text(written, encoding="utf-8")
    os.replace(partial, entry.config)  # never into a file that the base may share


def _record(entry: Entry, manifest: Manifest | None, changes: Changes) -> Manifest | None:
    if manifest is None:
        return None
    made = {
        "base": manifest.name,
        "system": changes.system,
        "chat_template": changes.chat_template,
        "generation_defaults": dict(changes.generation_defaults),
    }
    config = FileRecord(entry.config.stat().st_size, sha256_of(entry.config))
    return replace(
        manifest,
        settings={**manifest.settings, _RECORD: {name: value for name, value in made.items() if value}},
        license=changes.license or manifest.license,
        files={**manifest.files, CONFIG_FILE: config},
    )
