"""A GGUF file is served by llama.cpp as it is: it becomes a file of the entry, and nothing is converted.

Decides how many answers are computed at once and over what context, by the memory that their caches take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from converters.exporting import exporting
from converters.gguf import GgufHeader, read_header
from converters.gguf_fidelity import measure as measure_gguf
from converters.linking import link_or_copy
from converters.plan import ConversionPlan
from modelyard import host
from modelyard.errors import BadCheckpoint
from modelyard.manifest import Fidelity, NotMeasured

BACKEND = "llamacpp"
TOOLS: tuple[str, ...] = ()

# Each slot of the backend has a cache of its own, in 16 bits, for the whole context.
_SLOTS = 4
_SHARE = 4  # all caches together may take this part of the memory that is free
_SHORTEST = 4096  # tokens; Ollama's default, and enough for a conversation
_BYTES = 2 * 2  # keys and values, 16 bits each


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Put the file, or all of its parts, into `folder`. Raises BadCheckpoint or ConversionFailed."""
    header = read_header(plan.checkpoint.gguf)
    if header.kind != "model":
        raise BadCheckpoint(
            f"{header.path.name} is no model of its own but a part of one ({header.kind})",
            hint="give the GGUF file of the language model",
        )
    on_step("link")
    with exporting(f"{header.path.name} could not be copied", scratch / "copy.log", show=show):
        for file in header.files:
            link_or_copy(file, folder / file.name)
        if plan.adapters:
            below = folder / "adapters"
            below.mkdir()
            for name, place in plan.adapters.items():
                link_or_copy(place, below / f"{name}.gguf")


def backend_parameters(plan: ConversionPlan) -> Mapping[str, str]:
    """How many slots, and a shorter context than the model's where even one slot would take too much memory."""
    header = read_header(plan.checkpoint.gguf)
    slots, context = fitting(header, plan.context_length or _SHORTEST, host.free_memory() // _SHARE)
    return {"N_PARALLEL": str(slots), "CONTEXT_LENGTH": str(context)}


def measure(plan: ConversionPlan, folder: Path) -> Fidelity | NotMeasured:
    """Against the dequantized weights, which are what the GGUF file says."""
    file = plan.checkpoint.gguf
    return measure_gguf(folder / file.name, file, engine_python=plan.engine_python)


def fitting(header: GgufHeader, context: int, memory: int) -> tuple[int, int]:
    """Slots, and tokens of the context of each, whose caches take at most `memory` bytes where that is possible."""
    each = cache_bytes_per_token(header)
    if each == 0:
        return _SLOTS, context
    fits = memory // each  # tokens, of all slots together
    slots = max(1, min(_SLOTS, fits // context))
    if fits >= context or context <= _SHORTEST:
        return slots, context
    shorter = context
    while shorter > max(fits, _SHORTEST):
        shorter //= 2
    return 1, max(shorter, _SHORTEST)


def cache_bytes_per_token(header: GgufHeader) -> int:
    """What a token takes in the cache of every layer; 0 where the header does not say."""
    figures = header.figures
    width = figures.get("num_key_value_heads", 0) * figures.get("head_dim", 0)
    return figures.get("num_hidden_layers", 0) * width * _BYTES
