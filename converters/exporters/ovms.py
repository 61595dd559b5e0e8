"""Writes an entry for OpenVINO Model Server: the IR that our own backends would take, and the graph that serves it.

Another exporter makes the IR. Listing the entry in the server's config.json is modelyard.ovms_config's, once it is
published. Knows folders; starts no server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from converters.exporters.ovms_graph import GRAPH_FILE, GRAPH_TASKS, GraphOptions, graph_text
from converters.plan import ConversionPlan
from converters.precision import arithmetic
from modelyard import __version__
from modelyard.card import FEATURE_EXTRACTION, GENERATES_TEXT, TEXT_TO_IMAGE
from modelyard.errors import BadCheckpoint, FieldRefused

_POOLINGS = {"cls": "CLS", "mean": "MEAN", "lasttoken": "LAST"}
_TOKENIZER = re.compile(r"openvino_(de)?tokenizer\.xml")
_TOKENIZER_FOLDER = "tokenizer"


class Inner(Protocol):
    """`export` of the exporter that makes the IR for the task."""

    def __call__(
        self, plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
    ) -> None: ...


def export(
    plan: ConversionPlan,
    folder: Path,
    scratch: Path,
    *,
    on_step: Callable[[str], None],
    show: bool = False,
    inner: Inner,
) -> None:
    """Write the version folder. Raises what `inner` raises, BadCheckpoint and FieldRefused."""
    if plan.task == TEXT_TO_IMAGE and "NPU" in plan.device:
        raise FieldRefused("device", "an NPU draws in one fixed size only, which this target does not set")
    if plan.adapters:
        raise FieldRefused(
            "adapters", "OpenVINO Model Server has no LoRA adapters by name; --target triton-openvino has"
        )
    inner(plan, folder, scratch, on_step=on_step, show=show)
    if plan.task not in GRAPH_TASKS:
        _leave_one_network(folder)
        return
    options = graph_options(plan, folder)
    text = graph_text(plan.task, options, maker=f"Modelyard {__version__}")
    (folder / GRAPH_FILE).write_text(text, encoding="utf-8")


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    """The device, for people who read config.pbtxt; the server reads its graph."""
    return {"DEVICE": plan.device}


def graph_options(plan: ConversionPlan, folder: Path) -> GraphOptions:
    """What the graph says, from the plan and from what lies in the version folder. Raises BadCheckpoint."""
    exact: dict[str, Any] = arithmetic(plan.parameters, plan.device)
    if plan.task not in GENERATES_TEXT:
        exact.pop("KV_CACHE_PRECISION", None)  # only language models have such a cache
    if plan.task != FEATURE_EXTRACTION:
        return GraphOptions(plan.device, exact)
    described = _read_json(folder / "encoder.json")
    layers = [str(layer.get("type")) for layer in described.get("layers", [])]
    if "dense" in layers:
        raise BadCheckpoint(
            "OpenVINO Model Server cannot apply the dense layer behind this model's pooling",
            hint="choose --target triton-openvino",
        )
    poolings = list(described.get("pooling", []))
    if len(poolings) > 1 or any(pooling not in _POOLINGS for pooling in poolings):
        raise BadCheckpoint(
            f"OpenVINO Model Server cannot pool by '{', '.join(poolings)}'",
            hint=f"it can by {', '.join(_POOLINGS)}; choose --target triton-openvino",
        )
    return GraphOptions(
        plan.device,
        exact,
        pooling=_POOLINGS[poolings[0]] if poolings else None,
        normalize="normalize" in layers if described else True,
    )


def _leave_one_network(folder: Path) -> None:
    """The server takes the first .xml that it finds in a version folder: no other may lie beside the network."""
    found = sorted(folder.glob("*.xml"))
    networks = [path for path in found if not _TOKENIZER.fullmatch(path.name)]
    if len(networks) != 1:
        names = ", ".join(path.name for path in networks) or "none"
        raise BadCheckpoint(f"OpenVINO Model Server takes one network for an entry; there are: {names}")
    aside = folder / _TOKENIZER_FOLDER
    for path in found:
        if path not in networks:
            aside.mkdir(exist_ok=True)
            for file in (path, path.with_suffix(".bin")):
                file.replace(aside / file.name)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}
