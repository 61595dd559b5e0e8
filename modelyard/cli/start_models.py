"""Which models `serve` loads at the start, after what can be known without an engine has been checked.

Knows entries, their files and when they last answered; does not know Triton.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

import structlog

from modelyard import usage
from modelyard.entry import Entry, entries_in
from modelyard.errors import EntryNotFound, HostProblem, NotEnoughMemory
from modelyard.footprint import memory_of
from modelyard.host import free_memory
from modelyard.manifest import read_manifest
from modelyard.settings import Settings

# Triton itself, without a model, measured as resident memory.
_ENGINE_BYTES = 300 * 2**20
_EMBEDDED = frozenset({"triton-openvino", "triton-llamacpp"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StartModels:
    """`names` are loaded at the start; `pinned`: somebody named them, so they stay. The others wait for a request.

    `foreign` are in the repository for an engine that the embedded Triton has not, by name: their targets.
    """

    names: tuple[str, ...] = ()
    pinned: bool = False
    installed: tuple[str, ...] = ()
    foreign: Mapping[str, str] = field(default_factory=dict)


def choose(settings: Settings, wanted: Sequence[str]) -> StartModels:
    """Those that are wanted; else the one that answered last, or was made last, if it fits.

    Raises EntryNotFound, and HostProblem when what is wanted cannot be in memory together.
    """
    entries = {entry.name: entry for entry in entries_in(settings.model_repository)}
    for name in wanted:
        if name not in entries:
            raise EntryNotFound(name, list(entries))
    foreign = {name: target for name, entry in entries.items() if (target := _target(entry)) not in _EMBEDDED}
    served = tuple(name for name in entries if name not in foreign)
    nothing = StartModels(installed=served, foreign=foreign)
    if not wanted:
        if not served:
            return nothing
        last = max(served, key=lambda each: _last_used(settings, entries[each]))
        if _needed([entries[last]]) <= _available(settings):
            return replace(nothing, names=(last,))
        log.warning("no model is loaded at the start: memory is short", model=last)
        return nothing
    names = tuple(dict.fromkeys(wanted))
    if settings.max_loaded_models and len(names) > settings.max_loaded_models:
        raise HostProblem(
            f"{len(names)} models are to be loaded and to stay, and max_loaded_models is {settings.max_loaded_models}",
            hint="name fewer with --model or MODELYARD_MODELS: the others load on their first request",
        )
    needed, available = _needed([entries[name] for name in names]), _available(settings)
    if needed > available:
        raise NotEnoughMemory(f"serving {', '.join(names)}", needed, available)
    return replace(nothing, names=names, pinned=True)


def _needed(entries: Sequence[Entry]) -> int:
    return _ENGINE_BYTES + sum(memory_of(entry) for entry in entries)


def _available(settings: Settings) -> int:
    free = free_memory()
    return min(free, settings.memory_for_models + _ENGINE_BYTES) if settings.memory_for_models else free


def _last_used(settings: Settings, entry: Entry) -> tuple[bool, datetime]:
    used = usage.last_used(settings.model_repository, entry.name)
    made = datetime.fromtimestamp(entry.config.stat().st_mtime, timezone.utc)
    return used is not None, used or made


def _target(entry: Entry) -> str:
    """Of an entry without a manifest, which somebody wrote by hand, the embedded Triton's."""
    manifest = read_manifest(entry)
    return manifest.target if manifest is not None else "triton-openvino"
