"""The life of a conversion: plan, stage, export, measure, write the manifest, publish.

Tells what it does by events and prints nothing; knows no command line.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from converters.entry_config import EntryConfig
from converters.exportable import tool_versions
from converters.exporters import ovms
from converters.exporting import blaming_the_host, exporting
from converters.model_card import license_of, model_card
from converters.plan import ConversionPlan
from converters.routes import OnStep, backend_for, exporter_for
from converters.source import Checkpoint
from modelyard import ovms_config
from modelyard.entry import Entry, entry_at, staged
from modelyard.errors import EntryExists, SourceUnavailable
from modelyard.manifest import AnyFidelity, Manifest, NotMeasured, read_manifest, record_files, write_manifest


@dataclass(frozen=True)
class Conversion:
    """What came of it: the manifest of the entry, and whether the entry was there already."""

    manifest: Manifest
    already: bool


def already_made(plan: ConversionPlan) -> Conversion | None:
    """The entry that is there, when it is what this plan would make."""
    manifest = read_manifest(entry_at(plan.repository, plan.name))
    if manifest is None or not entry_at(plan.repository, plan.name).exists():
        return None
    source = plan.checkpoint.source
    # A commit is unique to one model only; the digest of a folder is the same wherever the folder lies.
    same = manifest.source.kind == source.kind and (
        source.kind == "folder" or manifest.source.location == source.location
    )
    same = same and dict(manifest.settings) == plan.settings
    same = same and manifest.source.revision == plan.checkpoint.identity.revision  # the last, as it may take a while
    return Conversion(manifest, already=True) if same else None


def convert(plan: ConversionPlan, *, force: bool = False, on_step: OnStep, show: bool = False) -> Conversion:
    """Carry a plan out. Raises EntryExists when another entry has the name and `force` is not set."""
    if not force and (made := already_made(plan)) is not None:
        return made
    try:
        with (
            staged(plan.repository, plan.name, replace=force, on_wait=lambda: on_step("wait")) as entry,
            blaming_the_host(entry.folder.parent),
        ):
            manifest = _fill(plan, entry, on_step, show=show)
            on_step("publish")
        if plan.target == "ovms":
            ovms_config.list_entry(plan.repository, plan.name, device=plan.device)
    except EntryExists:
        # Another conversion of the same name may have been quicker: its entry is as good as ours.
        if (made := already_made(plan)) is not None:
            return made
        raise
    return Conversion(manifest, already=False)


def _fill(plan: ConversionPlan, entry: Entry, on_step: OnStep, *, show: bool) -> Manifest:
    started, created = time.monotonic(), datetime.now(timezone.utc).replace(microsecond=0)
    # The source is read for its revision while libraries are imported and the network is traced, on one processor.
    reading = threading.Thread(target=_read, args=(plan.checkpoint,), name="revision", daemon=True)
    reading.start()
    entry.version_folder.mkdir()
    # Beside the entry and not in it: whatever ends the conversion, the whole staging folder goes.
    scratch = entry.folder.parent / "scratch"
    scratch.mkdir()
    exporter = exporter_for(plan)
    if plan.target == "ovms":
        ovms.export(plan, entry.version_folder, scratch, on_step=on_step, show=show, inner=exporter.export)
    else:
        exporter.export(plan, entry.version_folder, scratch, on_step=on_step, show=show)
    on_step("measure")
    found = _measure(plan, entry.version_folder, scratch / "measure.log", show=show)

    on_step("record")
    card = model_card(plan, created=int(created.timestamp()))
    config = EntryConfig(backend_for(plan.target, plan.task), card, exporter.backend_parameters(plan))
    entry.config.write_text(config.to_text(), encoding="utf-8")
    reading.join()
    manifest = Manifest(
        name=plan.name,
        task=plan.task,
        target=plan.target,
        source=plan.checkpoint.identity,
        architecture=plan.architecture,
        parameters=plan.parameters,
        context_length=plan.context_length,
        precision=plan.precision,
        quantization=plan.quantization,
        license=license_of(plan),
        adapters=tuple(plan.adapters),
        device=plan.device,
        settings=plan.settings,
        tools=tool_versions(exporter.TOOLS),
        fidelity=None if isinstance(found, NotMeasured) else found,
        not_measured=found.why if isinstance(found, NotMeasured) else None,
        files=record_files(entry.folder),
        created=created.isoformat(),
        duration_s=round(time.monotonic() - started, 1),
    )
    write_manifest(entry, manifest)
    return manifest


def _read(checkpoint: Checkpoint) -> None:
    with contextlib.suppress(SourceUnavailable):  # said when the revision is asked for
        _ = checkpoint.identity


def _measure(plan: ConversionPlan, version_folder: Path, log: Path, *, show: bool) -> AnyFidelity | NotMeasured:
    with exporting("the converted model could not be run beside the original", log, show=show):
        return exporter_for(plan).measure(plan, version_folder)
