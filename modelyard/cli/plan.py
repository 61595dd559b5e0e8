"""`modelyard plan`: what converting and serving a checkpoint would take here, before anything is fetched or written.

Reads options and shows figures; `converters` computes them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.cli import conversion_options, output
from modelyard.cli.options import AsJson, Repository, settings_with
from modelyard.cli.wishes import adapters_of, asks_a_hub, wishes_of

if TYPE_CHECKING:
    from converters.outlook import Outlook
    from converters.plan import ConversionPlan, Wishes
    from converters.source import Checkpoint
    from modelyard.errors import ModelyardError
    from modelyard.settings import Settings

Concurrency = Annotated[int, typer.Option("--concurrency", min=1, help="Sequences served at once.")]
Measure = Annotated[bool, typer.Option("--measure", help="Measure this host again, instead of using what is known.")]


def plan(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder with a checkpoint, a GGUF file, or the id of a model on the hub.", metavar="PATH_OR_HUB_ID"
        ),
    ],
    name: conversion_options.Name = None,
    task: conversion_options.Task = None,
    target: conversion_options.TargetOption = None,
    precision: conversion_options.PrecisionOption = None,
    device: conversion_options.DeviceOption = "CPU",
    revision: conversion_options.Revision = None,
    file: conversion_options.File = None,
    context: conversion_options.Context = None,
    concurrency: Concurrency = 1,
    lora: conversion_options.Lora = None,
    vocoder: conversion_options.Vocoder = None,
    calibration: conversion_options.Calibration = None,
    gpus: conversion_options.GpuOption = None,
    repository: Repository = None,
    as_json: AsJson = False,
    trust_remote_code: conversion_options.Trust = False,
    offline: conversion_options.Offline = False,
    measure: Measure = False,
    debug: conversion_options.Debug = False,
) -> None:
    """Show what converting and serving a checkpoint takes, against what this host has. Fetches no weights."""
    from importlib.util import find_spec

    from converters.source import default_name
    from modelyard.environments import go_on_in

    settings = settings_with(repository, offline=offline)
    order = conversion_options.Order(
        source=source,
        name=name or default_name(source, file),
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
        trust_remote_code=trust_remote_code,
        debug=debug,
    )
    if asks_a_hub(order) and find_spec("huggingface_hub") is None:
        go_on_in(settings.convert_python, sys.argv[1:], role="convert")
    with tempfile.TemporaryDirectory(prefix="modelyard-plan-") as scratch:
        made, seen = look(settings, order, Path(scratch), concurrency=concurrency, measure=measure)
        shown = _as_json(made, seen) if as_json else None
        pairs = dict(lines_of(made, seen))
    if shown is not None:
        output.as_json(shown)
    else:
        output.say(f"{source}: {made.architecture}")
        output.facts(pairs)
    refuse(seen.problems)


def look(
    settings: Settings, order: conversion_options.Order, scratch: Path, *, concurrency: int = 1, measure: bool = False
) -> tuple[ConversionPlan, Outlook]:
    """The plan of an order, and what it takes. Raises what speaks against the checkpoint itself."""
    from converters.glance import glance
    from converters.measured_step import measured_step
    from converters.outlook import host_figures, look_ahead

    checkpoint = glance(
        order.source,
        scratch / "model",
        settings=settings,
        revision=order.revision,
        file=order.file,
        with_code=order.trust_remote_code,
    )
    wishes = wishes_of(settings, order, scratch / "besides")
    made = planned(settings, checkpoint, wishes, auto=order.target == "auto", measure=measure)
    figures = host_figures(settings.model_repository, measure_again=measure)
    step = measured_step(made, settings.engine_python, anew=measure)
    return made, look_ahead(made, figures, context=order.context, concurrency=concurrency, step=step)


def lines_of(plan: ConversionPlan, seen: Outlook) -> list[tuple[str, str]]:
    """Name and value of each figure."""
    from converters.precision import in_words

    size, host = output.in_bytes, seen.host
    pairs = [
        ("task", plan.task),
        ("served by", _with_reason(plan.target, plan.target_reason)),
        ("precision", _with_reason(plan.precision, plan.precision_reason)),
        ("parameters", in_words(seen.parameters)),
        ("on disk", f"{size(seen.source_bytes)} now, about {size(seen.entry_bytes)} as an entry"),
        ("disk to convert", f"about {size(seen.disk_needed)}, {size(host.disk)} are free"),
        ("memory to convert", f"about {size(seen.memory_needed)}, {size(host.memory)} are free"),
    ]
    if seen.memory_to_measure:
        needed = size(seen.memory_to_measure)
        pairs.append(("memory to measure", f"about {needed}; where it is not free, fidelity is not measured"))
    if (served := seen.serving) is not None:
        streams = "1 stream" if served.concurrency == 1 else f"{served.concurrency} streams"
        parts = f"weights {size(served.weights)}, cache {size(served.cache)}"
        pairs.append(
            (
                "memory to serve",
                f"about {size(served.memory)} for {streams} of {served.context} tokens ({parts}), "
                f"{size(host.memory)} are free",
            )
        )
    if seen.tokens_per_s is not None:
        pairs.append(
            ("speed", f"about {seen.tokens_per_s:.0f} tokens/s a stream; memory reads {host.bandwidth / 1e9:.1f} GB/s")
        )
    return pairs


def refuse(problems: Sequence[ModelyardError]) -> None:
    """Raise the one problem, or all of them at once."""
    from modelyard.errors import HostProblem

    if len(problems) == 1:
        raise problems[0]
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
        raise HostProblem(f"this host cannot do it, for {len(problems)} reasons:{listed}", hint="; ".join(hints))


def planned(
    settings: Settings, checkpoint: Checkpoint, wishes: Wishes, *, auto: bool, measure: bool = False
) -> ConversionPlan:
    """The plan, whether this host can carry it out or not. Raises what speaks against the checkpoint."""
    from converters.exportable import refusal
    from converters.measured_target import choose_target
    from converters.plan import plan_conversion
    from modelyard.environments import can_convert

    def plan_for(wishes: Wishes) -> ConversionPlan:
        return plan_conversion(
            checkpoint,
            repository=settings.model_repository,
            wishes=wishes,
            exportable=refusal if can_convert() else None,
            check_host=False,
        )

    if not auto:
        return plan_for(wishes)
    target, reason = choose_target(plan_for, wishes, engine_python=settings.engine_python, measure_again=measure)
    return replace(plan_for(replace(wishes, target=target)), target_reason=reason)


def _with_reason(value: str, reason: str) -> str:
    return f"{value} ({reason})" if reason else value


def _as_json(plan: ConversionPlan, seen: Outlook) -> dict[str, Any]:
    problems = [{"message": str(problem), "hint": problem.hint} for problem in seen.problems]
    figures = asdict(replace(seen, serving=None, against_converting=(), against_serving=()))
    del figures["against_converting"], figures["against_serving"]
    served = asdict(seen.serving) | {"memory": seen.serving.memory} if seen.serving else None
    return {
        "source": plan.checkpoint.source.location,
        "revision": plan.checkpoint.source.revision or None,
        "architecture": plan.architecture,
        "task": plan.task,
        "target": plan.target,
        "target_reason": plan.target_reason,
        "precision": plan.precision,
        "device": plan.device,
        "context_length": plan.context_length,
        **figures,
        "serving": served,
        "problems": problems,
        "fits": not problems,
    }
