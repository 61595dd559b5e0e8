"""`--target auto`: which engine serves a GGUF file faster here, found by running both for a few seconds.

OpenVINO reads the file by itself for that, with weights as the file has them: as many bits as the closest precision of
an export has, in blocks of another size. What was found holds for every model of the kind: processor, architecture,
size and bits. Knows how to ask; the engines run in their own environment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from converters.plan import ConversionPlan, Wishes
from converters.precision import in_words
from converters.probing import Engine, Speed, speed_of, speed_with
from converters.targets import Target
from modelyard.errors import ModelyardError
from modelyard.measurements import recall, remember

_ENGINES: dict[Target, Engine] = {"triton-openvino": "openvino", "triton-llamacpp": "llamacpp"}
# What a request is like on average: so many tokens are read and so many written.
_READ, _WRITTEN = 256, 128


def choose_target(
    planned: Callable[[Wishes], ConversionPlan], wishes: Wishes, *, engine_python: Path, measure_again: bool = False
) -> tuple[Target, str]:
    """The target for somebody who asks for "auto". `planned` makes the plan of some wishes, or raises against it."""
    plans: dict[Target, ConversionPlan | None] = {}
    refusals: list[ModelyardError] = []
    for target in _ENGINES:
        try:
            plans[target] = planned(replace(wishes, target=target))
        except ModelyardError as refused:
            plans[target] = None
            refusals.append(refused)
    if len(refusals) == len(_ENGINES):
        raise refusals[0]
    return measured_target(
        plans["triton-openvino"], plans["triton-llamacpp"], engine_python=engine_python, measure_again=measure_again
    )


def measured_target(
    plan_openvino: ConversionPlan | None,
    plan_llamacpp: ConversionPlan | None,
    *,
    engine_python: Path,
    measure_again: bool = False,
) -> tuple[Target, str]:
    """The faster one, and why. A plan is None where that engine cannot take the checkpoint."""
    if plan_llamacpp is None:
        return "triton-openvino", "llama.cpp serves GGUF files only"
    if plan_openvino is None:
        return "triton-llamacpp", "this file cannot be exported to OpenVINO"
    known = {} if measure_again else _known(plan_llamacpp)
    if not known and not _is_here(plan_llamacpp.checkpoint.gguf):
        return "triton-llamacpp", "it serves the file as it is; the engines are compared when the file is here"
    if not known:
        known = _measure(plan_llamacpp, engine_python)
        remember(plan_llamacpp.repository, targets={kind_of(plan_llamacpp): {k: asdict(v) for k, v in known.items()}})
    return _decided(known, kind_of(plan_llamacpp))


def kind_of(plan: ConversionPlan) -> str:
    """Models of one kind are as fast as each other by weight: `llama 1B 4-bit`."""
    contents = plan.contents
    size = 2.0 ** round(math.log2(max(1, contents.parameters)))
    bits = int(8 * contents.bytes / max(1, contents.parameters))
    return f"{contents.architecture} {in_words(int(size))} {bits}-bit".replace(" B ", "B ").replace(" M ", "M ")


def _decided(known: dict[str, Speed], kind: str) -> tuple[Target, str]:
    rates = {name: _of_request(speed) for name, speed in known.items()}
    if "llamacpp" not in rates and "openvino" not in rates:
        return "triton-llamacpp", "neither engine could be measured on this file; llama.cpp serves it as it is"
    if "openvino" not in rates:
        return "triton-llamacpp", "OpenVINO does not read this file by itself, so that the two cannot be compared"
    if "llamacpp" not in rates:
        return "triton-openvino", "llama.cpp does not load this file"
    best = max(rates, key=lambda name: rates[name])
    words = ", ".join(f"{name} {known[name].decode:.1f} tokens/s" for name in sorted(known))
    target = next(target for target, name in _ENGINES.items() if name == best)
    return target, f"measured on this host for {kind}: {words}"


def _of_request(speed: Speed) -> float:
    """Tokens written per second of a whole request."""
    return _WRITTEN / (_READ / speed.prompt + _WRITTEN / speed.decode)


def _known(plan: ConversionPlan) -> dict[str, Speed]:
    targets = recall(plan.repository).get("targets")
    found = targets.get(kind_of(plan)) if isinstance(targets, dict) else None
    if not isinstance(found, dict):
        return {}
    return {name: speed for name, figures in found.items() if (speed := speed_of(figures)) is not None}


def _measure(plan: ConversionPlan, engine_python: Path) -> dict[str, Speed]:
    found: dict[str, Speed] = {}
    for engine in _ENGINES.values():
        if (speed := speed_with(engine, plan.checkpoint.gguf, engine_python)) is not None:
            found[engine] = speed
    return found


def _is_here(file: Path) -> bool:
    """Whether the file has its contents; what stands in for one of the hub is mostly holes."""
    status = file.stat()
    return status.st_blocks * 512 >= status.st_size // 2
