"""`convert` and `pull`: a checkpoint into the model repository, from here or from the hub.

Reads options and shows what happens; `converters` does it. In an environment without PyTorch it goes on in the one
that has it, when something has to be exported.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
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
from modelyard.cli.first_look import FirstLook
from modelyard.cli.options import Repository, settings_with
from modelyard.cli.progress_lines import ProgressLines, errors_as_lines, progress_lines
from modelyard.cli.stopping import StopRequest
from modelyard.cli.watched import go_on_watched
from modelyard.cli.wishes import adapters_of, asks_a_hub, wishes_of

if TYPE_CHECKING:
    from converters.convert import Conversion
    from converters.plan import ConversionPlan, Exportable, Wishes
    from converters.source import Checkpoint, Look
    from modelyard.entry import Entry
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
    order = Order(
        source=source,
        name=name or _default_name(source, file),
        task=task,
        target=target,
        precision=precision,
        device=device,
        revision=revision,
        file=file,
        context=context,
        lora=adapters_of(lora or []),
        vocoder=vocoder,
        calibration=calibration,
        gpus=gpus,
        force=force,
        update=update,
        trust_remote_code=trust_remote_code,
        debug=debug,
        progress=progress,
    )
    _make_and_tell(settings_with(repository, offline=offline), order, as_json=as_json)


def pull(
    source: Annotated[str, typer.Argument(help="A model on the hub: org/model, hf.co/org/model:Q4_K_M.", metavar="ID")],
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
    as_json: AsJson = False,
    trust_remote_code: Trust = False,
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
    order = Order(
        source=source,
        name=name or _default_name(source, file),
        task=task,
        target=target,
        precision=precision,
        device=device,
        revision=revision,
        file=file,
        context=context,
        lora=adapters_of(lora or []),
        vocoder=vocoder,
        calibration=calibration,
        gpus=gpus,
        force=force,
        pull=True,
        trust_remote_code=trust_remote_code,
        debug=debug,
        progress=progress,
    )
    _make_and_tell(settings_with(repository, offline=offline), order, as_json=as_json)


def _default_name(source: str, file: str | None) -> str:
    from converters.source import default_name

    return default_name(source, file)


def _make_and_tell(settings: Settings, order: Order, *, as_json: bool) -> None:
    if order.progress == "json":
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


def make(settings: Settings, order: Order) -> Conversion:
    """Carry an order out, showing how it goes; the entry that is there already when it is what was asked for."""
    from converters.convert import convert as carry_out
    from modelyard.environments import can_convert, go_on_in

    if (asks_a_hub(order) or order.target == "auto") and not can_convert():
        go_on_in(settings.convert_python, sys.argv[1:], role="convert")
    if can_convert():
        _go_on_watched(settings, order)
    stop = StopRequest()
    with progress_lines() if order.progress == "json" else output.progress() as shown:
        look = FirstLook(settings, order, shown, partial(_already, settings.model_repository, order))
        if Path(order.source).expanduser().exists():
            checkpoint = _open(settings, order)
        else:
            with _downloads(shown, order) as on_progress:
                checkpoint = _open(settings, order, look=look.before_fetching, on_progress=on_progress)
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

        shown.step("checking the checkpoint")
        plan = _plan(settings.model_repository, wishes, checkpoint, exportable=refusal)
        look.tell(plan)

        def on_step(step: str) -> None:
            stop.heed()
            shown.step(_STEPS[step])

        try:
            replace = _may_replace(settings.model_repository, order)
            return carry_out(plan, force=replace, on_step=on_step, show=order.debug)
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


def _open(settings: Settings, order: Order, *, look: Look | None = None, on_progress: Any = None) -> Checkpoint:
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
        look=look,
        on_progress=on_progress,
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
    entry = entry_at(repository, order.name)
    if made is None and entry.exists() and not _may_replace(repository, order):
        raise EntryExists(order.name, _origin(entry))
    return None if order.force else made


def _may_replace(repository: Path, order: Order) -> bool:
    """Whether a model of that name may go. A pull brings what was pulled up to date, and takes no other's place."""
    from converters.source import hub_id
    from modelyard.catalog.variants import base_of
    from modelyard.entry import entry_at
    from modelyard.manifest import read_manifest

    if order.force or order.update:
        return True
    there = read_manifest(entry_at(repository, order.name))
    if not order.pull or there is None or there.source.kind != "hub" or base_of(there) is not None:
        return False
    # Written in another way it is the same model: hf.co/org/model, and another tag is another quantization of it.
    before, now = hub_id(there.source.location), hub_id(order.source)
    return before is not None and now is not None and before.model == now.model


def _origin(entry: Entry) -> str:
    """How an entry came there, as a clause."""
    from modelyard.catalog.variants import base_of
    from modelyard.manifest import read_manifest

    there = read_manifest(entry)
    if there is None:
        return "written by hand"
    base = base_of(there)
    return f"a variant of {base}" if base is not None else f"made from {there.source.location}"


def _plan(
    repository: Path, wishes: Wishes, checkpoint: Checkpoint, *, exportable: Exportable | None = None
) -> ConversionPlan:
    from converters.plan import plan_conversion

    # Whether this host has room is for the first look to say, along with what would fit.
    return plan_conversion(checkpoint, repository=repository, wishes=wishes, exportable=exportable, check_host=False)


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
    pairs["fidelity"] = output.fidelity_of(manifest)
    pairs["took"] = f"{manifest.duration_s} s"
    pairs["entry"] = str(repository / manifest.name)
    output.facts(pairs)
