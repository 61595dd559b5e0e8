"""`convert`: a checkpoint into the model repository.

Reads options and shows what happens; `converters` does it. In an environment without PyTorch it goes on in the one
that has it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from modelyard.cli import output
from modelyard.cli.options import Repository, settings_with
from modelyard.cli.stopping import StopRequest

if TYPE_CHECKING:
    from converters.convert import Conversion
    from converters.plan import ConversionPlan, Exportable
    from converters.source import Checkpoint
    from modelyard.manifest import Manifest
    from modelyard.settings import Settings

Precision = Literal["int4", "int4-cw", "int8", "fp16"]
Device = Literal["CPU", "GPU", "NPU"]

_STEPS = {
    "wait": "waiting for another conversion to this name",
    "export": "exporting to OpenVINO",
    "compress": "compressing the weights",
    "measure": "measuring fidelity against the original",
    "record": "writing the manifest",
    "publish": "publishing",
}


def convert(
    source: Annotated[
        str,
        typer.Argument(help="A folder with a checkpoint, or the id of a model on the hub.", metavar="PATH_OR_HUB_ID"),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the model to make; the last part of the source by default.")
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Precision of the weights; int8 below 1 B parameters and int4 above by default."),
    ] = None,
    device: Annotated[Device, typer.Option(help="Intel device to run on; CPU is also AMD's.")] = "CPU",
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub; the main branch by default.")
    ] = None,
    repository: Repository = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model of that name.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Replace a model of that name if the source or a setting has changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the Python code in the checkpoint. Read it first.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show all that the exporters print, and tracebacks.")] = False,
) -> None:
    """Convert a checkpoint into a model that can be served."""
    from converters.plan import default_name

    settings = settings_with(repository)
    wish = Wish(
        source, name or default_name(source), precision, device, revision, force, update, trust_remote_code, debug
    )
    made = _make(settings, wish)
    if as_json:
        output.as_json(asdict(made.manifest))
    elif made.already:
        output.say(f"{wish.name} is converted already ({made.manifest.precision}, {made.manifest.created})")
    else:
        _summarize(made.manifest, settings.model_repository)


@dataclass(frozen=True)
class Wish:
    """The command line's options, as they were given."""

    source: str
    name: str
    precision: Precision | None
    device: Device
    revision: str | None
    force: bool
    update: bool
    trust_remote_code: bool
    debug: bool


def _is_there(repository: Path, name: str) -> bool:
    from modelyard.entry import entry_at

    return entry_at(repository, name).exists()


def _make(settings: Settings, wish: Wish) -> Conversion:
    from converters.convert import convert as carry_out
    from converters.exporters import openvino
    from modelyard.environments import can_convert, go_on_in

    on_hub = not Path(wish.source).expanduser().exists()
    if on_hub and not can_convert():
        go_on_in(settings.convert_python, sys.argv[1:], role="convert")
    stop = StopRequest()
    with output.progress() as shown:
        if on_hub:
            shown.note(f"fetching {wish.source} from the hub")
        checkpoint = _open(settings.model_repository, wish)
        if (made := _already(settings.model_repository, wish, checkpoint)) is not None:
            return made
        if not can_convert():
            go_on_in(settings.convert_python, sys.argv[1:], role="convert")
        shown.step("checking the checkpoint")
        plan = _plan(settings.model_repository, wish, checkpoint, exportable=openvino.refusal)
        if plan.precision_reason:
            shown.note(f"{plan.precision}: {plan.precision_reason}")
        replace = wish.force or wish.update

        def on_step(step: str) -> None:
            stop.heed()
            shown.step(_STEPS[step])

        return carry_out(plan, force=replace, on_step=on_step, show=wish.debug)


def _open(repository: Path, wish: Wish) -> Checkpoint:
    from converters.source import open_checkpoint
    from modelyard.entry import entry_at
    from modelyard.errors import BadEntryName
    from modelyard.manifest import read_manifest

    try:
        earlier = read_manifest(entry_at(repository, wish.name))
    except BadEntryName:
        earlier = None  # the plan says so, along with whatever else is wrong
    return open_checkpoint(
        wish.source,
        revision=wish.revision,
        with_code=wish.trust_remote_code,
        known=earlier.source if earlier is not None else None,
    )


def _already(repository: Path, wish: Wish, checkpoint: Checkpoint) -> Conversion | None:
    """The entry, when it is what was asked for. Found in a moment and without PyTorch."""
    from converters.convert import already_made
    from modelyard.errors import ConfigMissing, EntryExists, InvalidInput

    try:
        plan = _plan(repository, wish, checkpoint)
    except ConfigMissing:
        raise  # there is nothing more to find out
    except InvalidInput:
        return None  # the whole plan finds every reason, these among them
    made = already_made(plan)
    if made is None and _is_there(repository, wish.name) and not (wish.force or wish.update):
        raise EntryExists(wish.name)
    return None if wish.force else made


def _plan(
    repository: Path, wish: Wish, checkpoint: Checkpoint, *, exportable: Exportable | None = None
) -> ConversionPlan:
    from converters.plan import plan_conversion

    return plan_conversion(
        checkpoint,
        repository=repository,
        name=wish.name,
        precision=wish.precision,
        device=wish.device,
        trust_remote_code=wish.trust_remote_code,
        exportable=exportable,
        check_host=exportable is not None,
    )


def _summarize(manifest: Manifest, repository: Path) -> None:
    from converters.precision import in_words

    output.say(f"{manifest.name} is ready: {manifest.architecture}, {in_words(manifest.parameters)} parameters")
    pairs = {"precision": f"{manifest.precision} for {manifest.device}", "size": output.in_bytes(manifest.size)}
    if manifest.context_length:
        pairs["context"] = f"{manifest.context_length} tokens"
    if manifest.fidelity is not None:
        pairs["fidelity"] = output.fidelity(manifest.fidelity)
    pairs["took"] = f"{manifest.duration_s} s"
    pairs["entry"] = str(repository / manifest.name)
    output.facts(pairs)
