"""Writes what Triton's vLLM backend reads: the checkpoint as it is, its adapters, and model.json with engine arguments.

Paths in model.json are relative to the model repository, so an entry may move to another host or into a container;
Triton's working directory must be the repository there (docs/backends/vllm.md). Starts no engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from converters.adapters import PEFT_FILES
from converters.exporters.vllm_arguments import Adapters, engine_arguments
from converters.exporting import exporting
from converters.linking import link_or_copy
from converters.plan import ConversionPlan
from converters.safe_weights import check_pickle
from modelyard.entry import VERSION
from modelyard.errors import BadCheckpoint
from modelyard.manifest import NotMeasured

ARGUMENTS_FILE = "model.json"  # both names are the backend's own
ADAPTERS_FILE = "multi_lora.json"
CHECKPOINT_FOLDER = "checkpoint"
ADAPTERS_FOLDER = "adapters"
TOOLS: tuple[str, ...] = ()


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the version folder. Raises GpuMissing, GpuTooSmall, BadCheckpoint."""
    arguments = engine_arguments(
        plan.checkpoint,
        plan.contents,
        plan.task,
        gpus=plan.gpus,
        context_length=plan.context_length,
        trust_remote_code=plan.trust_remote_code,
        adapters=read_adapters(plan.adapters),
    )
    for name in plan.checkpoint.weights:
        if name.endswith(".bin"):
            check_pickle(plan.checkpoint.folder / name)
    on_step("link")
    with exporting("the checkpoint's files cannot be copied", scratch / "copy.log", show=show):
        for name in plan.checkpoint.files:
            place = folder / CHECKPOINT_FOLDER / name
            place.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(plan.checkpoint.folder / name, place)
        for name, origin in plan.adapters.items():
            place = folder / ADAPTERS_FOLDER / name
            place.mkdir(parents=True)
            for file in PEFT_FILES:
                link_or_copy(origin / file, place / file)

    here = f"{plan.name}/{VERSION}"
    _write_json(folder / ARGUMENTS_FILE, {"model": f"{here}/{CHECKPOINT_FOLDER}", **arguments})
    if plan.adapters:
        paths = {name: f"{here}/{ADAPTERS_FOLDER}/{name}" for name in sorted(plan.adapters)}
        _write_json(folder / ADAPTERS_FILE, paths)


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    # vLLM's own figures (time to first token, tokens a second) among Triton's metrics.
    return {"REPORT_CUSTOM_METRICS": "true"}


def measure(plan: ConversionPlan, folder: Path) -> NotMeasured:
    return NotMeasured("the weights are the checkpoint's own")


def read_adapters(folders: Mapping[str, Path]) -> Adapters:
    """What LoRA adapters in PEFT's form ask of the engine. Raises BadCheckpoint."""
    ranks, size = [0], 0
    for name, folder in folders.items():
        try:
            config = json.loads((folder / PEFT_FILES[0]).read_text(encoding="utf-8"))
            size += (folder / PEFT_FILES[1]).stat().st_size
        except (OSError, ValueError, RecursionError) as error:
            raise BadCheckpoint(
                f"the adapter '{name}' in {folder} cannot be read: {error}",
                hint=f"give a folder with {' and '.join(PEFT_FILES)}, as PEFT writes it",
            ) from error
        rank = config.get("r") if isinstance(config, dict) and config.get("peft_type", "LORA") == "LORA" else None
        if not isinstance(rank, int) or rank < 1:
            raise BadCheckpoint(
                f"the adapter '{name}' in {folder} is not a LoRA adapter: its configuration has no rank"
            )
        ranks.append(rank)
    return Adapters(len(folders), max(ranks), size)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
