"""`convert` and `pull`: a checkpoint into the model repository, from here or from the hub.

Reads options and shows what happens; `converters` does it. In an environment without PyTorch it goes on in the one
that has it, when something has to be exported.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.cli import output
from modelyard.cli.conversion_options import (
    AsJson,
    Calibration,
    Context,
    Debug,
    DeviceOption,
    File,
    Force,
    GpuOption,
    Lora,
    Name,
    Offline,
    Order,
    PrecisionOption,
    ProgressOption,
    Revision,
    TargetOption,
    Task,
    Trust,
    Update,
    Vocoder,
)
from modelyard.cli.options import Repository, settings_with
from modelyard.cli.progress_lines import ProgressLines, errors_as_lines, progress_lines
from modelyard.cli.stopping import StopRequest
from modelyard.cli.watched import go_on_watched

if TYPE_CHECKING:
    from converters.convert import Conversion
    from converters.plan import ConversionPlan, Exportable, Wishes
    from converters.source import Checkpoint
    from modelyard.manifest import Manifest
    from modelyard.settings import Settings


_STEPS = {
    "wait": "waiting for another conversion to this name",
    "dequantize": "dequantizing",
    "export": "exporting to OpenVINO",
    "compress": "compressing the weights",
    "link": "taking the files as they are",
    "measure": "measuring fidelity against the original",
    "record": "writing the manifest",
    "publish": "publishing",
}

# What a conversion tells of its plan before it begins; the rest is for `modelyard plan`.
_TOLD = frozenset({"parameters", "on disk", "memory to convert", "memory to serve", "speed"})


def convert(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder with a checkpoint, a GGUF file, or the id of a model on the hub.", metavar="PATH_OR_HUB_ID"
        ),
    ],
    name: Name = None,
    task: Task = None,
    target: TargetOption = None,
    precision: PrecisionOption = None,
    device: DeviceOption = "CPU",
    revision: Revision = None,
    file: File = None,
    context: Context = None,
    lora: Lora = None,
    vocoder: Vocoder = None,
    calibration: Calibration = None,
    gpus: GpuOption = None,
    repository: Repository = None,
    force: Force = False,
    update: Update = False,
    as_json: AsJson = False,
    trust_remote_code: Trust = False,
    offline: Offline = False,
    progress: ProgressOption = "people",
    debug: Debug = False,
) -> None:
    """Convert a checkpoint into a model that can be served."""
    from converters.source import default_name

    settings = settings_with(repository, offline=offline)
    order = Order(
        source=source,
        name=name or default_name(source, file),
        task=task,
        target=target,
        precision=precision,
        device=device,
        revision=revision,
        file=file,
        context=context,
        lora=_pairs(lora or []),
        vocoder=vocoder,
        calibration=calibration,
        gpus=gpus,
        force=force,
        update=update,
        trust_remote_code=trust_remote_code,
        debug=debug,
        progress=progress,
    )
    if progress == "json":
        with errors_as_lines():
            made = make(settings, order)
        with progress_lines() as lines:
            lines.write({"result": {"name": order.name, "already": made.already}})
        return
    made = make(settings, order)
    if as_json:
        output.as_json(asdict(made.manifest))
    elif made.already:
        output.say(f"{order.name} is converted already ({made.manifest.precision}, {made.manifest.created})")
    else:
        _summarize(made.manifest, settings.model_repository)


def pull(
    source: Annotated[str, typer.Argument(help="A model on the hub: org/model, hf.co/org/model:Q4_K_M.", metavar="ID")],
    name: Name = None,
    task: Task = None,
    target: TargetOption = None,
    precision: PrecisionOption = None,
    device: DeviceOption = "CPU",
    revision: Revision = None,
    file: File = None,
    repository: Repository = None,
    as_json: AsJson = False,
    offline: Offline = False,
    progress: ProgressOption = "people",
    debug: Debug = False,
) -> None:
    """Fetch a model from the hub and make it servable; again, it is brought up to date."""
    from converters.source import is_hub_id
    from modelyard.errors import SourceUnavailable

    with errors_as_lines() if progress == "json" else contextlib.nullcontext():
        if not is_hub_id(source) or Path(source).expanduser().exists():
            hint = f"for a path: modelyard convert {source}"
            raise SourceUnavailable(f"'{source}' is no model of the hub", hint=hint)
    convert(
        source,
        name=name,
        task=task,
        target=target,
        precision=precision,
        device=device,
        revision=revision,
        file=file,
        repository=repository,
        update=True,
        as_json=as_json,
        offline=offline,
        progress=progress,
        debug=debug,
    )


def make(settings: Settings, order: Order) -> Conversion:
    """Carry an order out, showing how it goes; the entry that is there already when it is what was asked for."""
    from converters.convert import convert as carry_out
    from modelyard.environments import can_convert, go_on_in

    on_hub = not Path(order.source).expanduser().exists()
    if (on_hub or order.target == "auto") and not can_convert():
        go_on_in(settings.convert_python, sys.argv[1:], role="convert")
    if can_convert():
        _go_on_watched(settings, order)
    stop = StopRequest()
    with progress_lines() if order.progress == "json" else output.progress() as shown:
        if on_hub:
            with _downloads(shown, order) as on_progress:
                checkpoint = _open(settings, order, on_progress=on_progress)
        else:
            checkpoint = _open(settings, order)
        wishes = wishes_of(settings, order)
        if order.target == "auto":
            shown.step("looking for the faster engine")
            wishes, why = _faster(settings, wishes, checkpoint)
            shown.note(f"{wishes.target}: {why}")
        if (made := _already(settings.model_repository, order, wishes, checkpoint)) is not None:
            return made
        if not can_convert():
            go_on_in(settings.convert_python, sys.argv[1:], role="convert")
        from converters.exportable import refusal
        from modelyard.cli.plan import lines

        shown.step("checking the checkpoint")
        plan = _plan(settings.model_repository, wishes, checkpoint, exportable=refusal)
        for what, why in ((plan.target, plan.target_reason), (plan.precision, plan.precision_reason)):
            if why:
                shown.note(f"{what}: {why}")
        for name, figure in lines(plan):
            if name in _TOLD:
                shown.note(f"{name}: {figure}")

        def on_step(step: str) -> None:
            stop.heed()
            shown.step(_STEPS[step])

        try:
            return carry_out(plan, force=order.force or order.update, on_step=on_step, show=order.debug)
        except Exception:
            stop.heed()  # a library that was interrupted may call it an error of its own
            raise


@contextlib.contextmanager
def _downloads(shown: output.Progress | ProgressLines, order: Order) -> Iterator[Any]:
    """Who is told how a download goes."""
    if isinstance(shown, ProgressLines):
        shown.step(f"fetching {order.source} from the hub")
        yield shown.downloaded
        return
    shown.note(f"fetching {order.source} from the hub")
    from modelyard.cli.download_progress import DownloadProgress

    with DownloadProgress() as downloads:
        yield downloads


def _go_on_watched(settings: Settings, order: Order) -> None:
    """The rest happens in a child; what one that was killed has left is cleared away here."""
    from modelyard.entry import clear_leftovers, locked
    from modelyard.errors import HostProblem, ModelyardError

    try:
        go_on_watched()
    except HostProblem:
        with contextlib.suppress(ModelyardError), locked(settings.model_repository, order.name):
            clear_leftovers(settings.model_repository, order.name)
        raise


def _pairs(given: list[str]) -> dict[str, str]:
    from modelyard.errors import FieldRefused

    pairs = dict(text.partition("=")[::2] for text in given)
    for name, place in pairs.items():
        if not name.isidentifier() or not place:
            raise FieldRefused("--lora", f"'{name}' is not NAME=PATH_OR_HUB_ID; the name has letters, digits and _")
    return pairs


def _open(settings: Settings, order: Order, *, on_progress: Any = None) -> Checkpoint:
    from converters.source import open_checkpoint
    from modelyard.entry import entry_at
    from modelyard.errors import BadEntryName
    from modelyard.manifest import read_manifest

    try:
        earlier = read_manifest(entry_at(settings.model_repository, order.name))
    except BadEntryName:
        earlier = None  # the plan says so, along with whatever else is wrong
    return open_checkpoint(
        order.source,
        revision=order.revision,
        file=order.file,
        with_code=order.trust_remote_code,
        known=earlier.source if earlier is not None else None,
        settings=settings,
        on_progress=on_progress,
    )


def wishes_of(settings: Settings, order: Order) -> Wishes:
    """What an order asks of a plan, with adapters and the like brought here."""
    from converters.plan import Wishes
    from converters.source import open_checkpoint
    from modelyard.gpus import find_gpus, gpus_in_words

    def brought(location: str) -> Path:
        return open_checkpoint(location, settings=settings).folder

    return Wishes(
        name=order.name,
        task=order.task,
        target=order.target if order.target != "auto" else None,
        precision=order.precision,
        device=order.device,
        context_length=order.context,
        trust_remote_code=order.trust_remote_code,
        adapters={name: brought(place) for name, place in order.lora.items()},
        companions={"vocoder": brought(order.vocoder)} if order.vocoder else {},
        calibration=order.calibration,
        gpus=gpus_in_words(order.gpus) if order.gpus else find_gpus(),
    )


def _faster(settings: Settings, wishes: Wishes, checkpoint: Checkpoint) -> tuple[Wishes, str]:
    """The wishes with the target that this host serves faster, and why."""
    from converters.exportable import refusal
    from converters.measured_target import choose_target
    from converters.plan import plan_conversion

    def planned(wishes: Wishes) -> ConversionPlan:
        repository = settings.model_repository
        return plan_conversion(checkpoint, repository=repository, wishes=wishes, exportable=refusal, check_host=False)

    target, why = choose_target(planned, wishes, engine_python=settings.engine_python)
    return replace(wishes, target=target), why


def _already(repository: Path, order: Order, wishes: Wishes, checkpoint: Checkpoint) -> Conversion | None:
    """The entry, when it is what was asked for. Found in a moment and without PyTorch."""
    from converters.convert import already_made
    from modelyard.entry import entry_at
    from modelyard.errors import ConfigMissing, EntryExists, InvalidInput

    try:
        plan = _plan(repository, wishes, checkpoint)
    except ConfigMissing:
        raise  # there is nothing more to find out
    except InvalidInput:
        return None  # the whole plan finds every reason, these among them
    made = already_made(plan)
    replace = order.force or order.update
    if made is None and entry_at(repository, order.name).exists() and not replace:
        raise EntryExists(order.name)
    return None if order.force else made


def _plan(
    repository: Path, wishes: Wishes, checkpoint: Checkpoint, *, exportable: Exportable | None = None
) -> ConversionPlan:
    from converters.plan import plan_conversion

    return plan_conversion(
        checkpoint,
        repository=repository,
        wishes=wishes,
        exportable=exportable,
        check_host=exportable is not None,
    )


def _summarize(manifest: Manifest, repository: Path) -> None:
    from converters.precision import in_words

    output.say(f"{manifest.name} is ready: {manifest.architecture}, {in_words(manifest.parameters)} parameters")
    pairs = {
        "task": manifest.task,
        "precision": f"{manifest.precision} for {manifest.device}",
        "served by": manifest.target,
        "size": output.in_bytes(manifest.size),
    }
    if manifest.context_length:
        pairs["context"] = f"{manifest.context_length} tokens"
    if manifest.fidelity is not None:
        pairs["fidelity"] = output.fidelity(manifest.fidelity)
    pairs["took"] = f"{manifest.duration_s} s"
    pairs["entry"] = str(repository / manifest.name)
    output.facts(pairs)
