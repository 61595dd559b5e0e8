"""What a plan will take, held against what this host has; and where it does not fit, what would.

Joins the estimates with the host's figures; measures nothing itself and converts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converters.estimates import disk_of_conversion, memory_of_conversion, memory_of_measuring
from converters.estimates.serving import Serving, longest_context, serving
from converters.estimates.speed import tokens_per_second
from converters.estimates.weights import LINKED, entry_bytes
from converters.gguf import read_header
from converters.plan import ConversionPlan
from converters.precision import PRECISIONS
from modelyard.card import GENERATES_TEXT
from modelyard.errors import ModelyardError, NotEnoughDisk, NotEnoughMemory

_CONTEXT = 4096  # tokens; when nobody says how long, and the model allows for more
# From the least loss to the greatest: what is proposed in place of a precision that does not fit.
_SMALLER = ("int8", "int4", "int4-cw")


@dataclass(frozen=True)
class HostFigures:
    """Bytes that are free, and bytes per second that are read from memory."""

    memory: int
    disk: int
    bandwidth: float
    cpu: str = ""


@dataclass(frozen=True)
class Outlook:
    """Bytes and tokens per second. `serving` and `tokens_per_s` are None where the task is not generating text.

    What does not fit is told apart: a model that can be converted here may be served elsewhere. `memory_to_measure` is
    0 where measuring fidelity is a part of the conversion, or is not done; where it is not free, nothing is measured.
    """

    parameters: int
    source_bytes: int
    entry_bytes: int
    disk_needed: int
    memory_needed: int
    memory_to_measure: int
    serving: Serving | None
    tokens_per_s: float | None
    host: HostFigures
    against_converting: tuple[ModelyardError, ...] = ()
    against_serving: tuple[ModelyardError, ...] = ()

    @property
    def problems(self) -> tuple[ModelyardError, ...]:
        return self.against_converting + self.against_serving


def look_ahead(
    plan: ConversionPlan,
    host: HostFigures,
    *,
    context: int | None = None,
    concurrency: int = 1,
    step: float | None = None,
) -> Outlook:
    """Everything that can be known before the first byte moves; `problems` are what does not fit this host.

    `step` are the seconds of a decode step, where they were measured.
    """
    contents, exporter, precision = plan.contents, plan.exporter, plan.precision
    speaks = plan.task in GENERATES_TEXT and plan.target != "triton-vllm"
    length = min(context or _CONTEXT, plan.context_length or 2**30)
    served = serving(contents, exporter, precision, context=length, concurrency=concurrency) if speaks else None
    speed = None
    if speaks and plan.device == "CPU":
        speed = tokens_per_second(contents, exporter, precision, context=length, bandwidth=host.bandwidth, step=step)
    return Outlook(
        parameters=plan.parameters,
        source_bytes=contents.bytes,
        entry_bytes=entry_bytes(contents, exporter, precision),
        disk_needed=disk_of_conversion(contents, exporter, precision),
        memory_needed=memory_of_conversion(contents, exporter, precision),
        memory_to_measure=memory_of_measuring(read_header(plan.checkpoint.gguf)) if exporter == "llamacpp" else 0,
        serving=served,
        tokens_per_s=speed,
        host=host,
        against_converting=tuple(_against_converting(plan, host)),
        against_serving=tuple(_against_serving(plan, host, served)),
    )


def host_figures(repository: Path, *, measure_again: bool = False) -> HostFigures:
    """Those of the machine that this runs on; the memory's speed is measured the first time only."""
    from modelyard import host
    from modelyard.entry import staging_root
    from modelyard.measurements import bandwidth

    return HostFigures(
        memory=host.free_memory(),
        disk=host.free_disk(staging_root(repository)),
        bandwidth=bandwidth(repository, anew=measure_again),
        cpu=host.cpu_name(),
    )


def _against_converting(plan: ConversionPlan, host: HostFigures) -> Iterator[ModelyardError]:
    contents, exporter, precision = plan.contents, plan.exporter, plan.precision
    if (disk := disk_of_conversion(contents, exporter, precision)) > host.disk:
        yield NotEnoughDisk(plan.repository, disk, host.disk, hint=_for_disk(plan, host))
    if (memory := memory_of_conversion(contents, exporter, precision)) > host.memory:
        yield NotEnoughMemory("this conversion", memory, host.memory, hint=_for_conversion(plan, host))


def _against_serving(plan: ConversionPlan, host: HostFigures, served: Serving | None) -> Iterator[ModelyardError]:
    if served is not None and served.memory > host.memory:
        what = f"serving it to {served.concurrency} at once with a context of {served.context} tokens"
        yield NotEnoughMemory(what, served.memory, host.memory, hint=_for_serving(plan, host, served))


def _for_disk(plan: ConversionPlan, host: HostFigures) -> str:
    for precision in _smaller_than(plan):
        if (needed := disk_of_conversion(plan.contents, plan.exporter, precision)) <= host.disk:
            return f"--precision {precision} (about {_gib(needed)} GiB)"
    return ""


def _for_conversion(plan: ConversionPlan, host: HostFigures) -> str:
    fitting = []
    for precision in _smaller_than(plan):
        needed = memory_of_conversion(plan.contents, plan.exporter, precision)
        if needed <= host.memory:
            fitting.append(f"--precision {precision} (about {_gib(needed)} GiB)")
            break
    fitting += _as_it_is(plan)
    return "; or ".join(fitting) or "convert it on a machine with more memory, then 'modelyard export' and 'import' it"


def _for_serving(plan: ConversionPlan, host: HostFigures, served: Serving) -> str:
    def at(precision: str) -> Serving:
        return serving(plan.contents, plan.exporter, precision, context=served.context, concurrency=served.concurrency)

    fitting = []
    smaller = next((name for name in _smaller_than(plan) if at(name).memory <= host.memory), None)
    if smaller is not None:
        fitting.append(f"--precision {smaller} (about {_gib(at(smaller).memory)} GiB)")
    for count in dict.fromkeys((served.concurrency, 1)):
        length = longest_context(plan.contents, plan.exporter, plan.precision, concurrency=count, memory=host.memory)
        if 0 < length < served.context or (length > 0 and count < served.concurrency):
            fitting.append(f"--context {min(length, served.context)} --concurrency {count}")
            break
    fitting += _as_it_is(plan)
    return "; or ".join(fitting) or "serve a smaller model, or on a machine with more memory"


def _smaller_than(plan: ConversionPlan) -> list[str]:
    """Our precisions with fewer bytes than the plan's, the best first; none where the weights stay as they are."""
    if plan.exporter in LINKED or plan.precision not in PRECISIONS:
        return []
    mine = entry_bytes(plan.contents, plan.exporter, plan.precision)
    return [name for name in _SMALLER if entry_bytes(plan.contents, plan.exporter, name) < mine]


def _as_it_is(plan: ConversionPlan) -> list[str]:
    if plan.checkpoint.form == "gguf" and plan.target != "triton-llamacpp":
        return ["--target triton-llamacpp (the file is served as it is)"]
    if plan.checkpoint.form == "transformers" and plan.task in GENERATES_TEXT:
        return ["a GGUF file of the model with --target triton-llamacpp (nothing is converted)"]
    return []


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f}"
