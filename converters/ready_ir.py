"""OpenVINO IR that is there already: whether it is whole, and what its weights are.

Reads the XML as a stream; loads no network.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from converters.contents import Contents
from converters.model_card import context_length
from converters.source import Checkpoint
from converters.tasks import architecture_of
from modelyard.errors import ModelyardError, WeightsDamaged

_NAMES = {"f32": "fp32", "f16": "fp16", "bf16": "bf16", "u8": "int8", "i8": "int8", "u4": "int4", "i4": "int4"}
_BITS = {"f64": 64, "f32": 32, "f16": 16, "bf16": 16, "f8e4m3": 8, "f8e5m2": 8, "u8": 8, "i8": 8}
_BITS |= {"u4": 4, "i4": 4, "nf4": 4, "f4e2m1": 4, "u2": 2, "u1": 1}
_SMALLEST = 64  # elements; what is smaller is a shape or a constant of the arithmetic


@dataclass
class Network:
    """What one XML says: parameters by the type of their numbers. `end` is where the last constant ends in the .bin."""

    parameters: Counter[str] = field(default_factory=Counter)
    end: int = 0


def read_network(xml: Path) -> Network:
    """Raises ValueError when the file is no OpenVINO IR, or its weights are not whole."""
    network = Network()
    try:
        root = None
        for event, element in ET.iterparse(xml, events=("start", "end")):  # noqa: S314 - no entities: expat's own bounds
            if root is None:
                root = element
                if root.tag != "net":
                    raise ValueError("it is not an OpenVINO network")
            if event == "end" and element.tag == "layer":
                _count(element, network)
                element.clear()
    except ET.ParseError as error:
        raise ValueError(f"it is not whole XML: {error}") from None
    size = xml.with_suffix(".bin").stat().st_size
    if network.end > size:
        raise ValueError(f"its weights have {size:,} bytes where it names {network.end:,}")
    return network


def look_into_ir(checkpoint: Checkpoint) -> Contents:
    """The contents of a folder of IR, whatever its task."""
    problems: list[ModelyardError] = []
    parameters: Counter[str] = Counter()
    networks = [name for name in checkpoint.files if name.endswith(".xml")]
    names = [name for name in networks if not _is_tokenizer(name)]
    for name in networks:
        try:
            network = read_network(checkpoint.folder / name)
            if name in names:
                parameters += network.parameters
        except FileNotFoundError:
            problems.append(WeightsDamaged(name, f"{Path(name).with_suffix('.bin')} is missing"))
        except (OSError, ValueError) as error:
            problems.append(WeightsDamaged(name, str(error)))
    # A plain network may be arithmetic alone.
    if not parameters and not problems and (checkpoint.config or not names):
        problems.append(WeightsDamaged(str(checkpoint.folder), "there is no network with weights in it"))
    commonest = parameters.most_common(1)[0][0] if parameters else "f32"
    return Contents(
        architecture=architecture_of(checkpoint),
        parameters=sum(parameters.values()),
        bytes=sum((checkpoint.folder / name).stat().st_size for name in checkpoint.files if name.endswith(".bin")),
        context_length=context_length(checkpoint),
        number_type=_NAMES.get(commonest, commonest),
        figures=checkpoint.config,
        problems=tuple(problems),
    )


def _count(layer: ET.Element, network: Network) -> None:
    data = layer.find("data")
    if layer.get("type") != "Const" or data is None:
        return
    try:
        shape = [int(side) for side in (data.get("shape") or "").split(",") if side.strip()]
        end = int(data.get("offset") or 0) + int(data.get("size") or 0)
    except ValueError:
        raise ValueError("a constant of it has no readable place") from None
    network.end = max(network.end, end)
    element_type, count = data.get("element_type") or "", math.prod(shape)
    # A scale or a zero point has a one where the weights have a group or a row.
    if element_type in _BITS and count >= _SMALLEST and (len(shape) < 2 or shape[-1] != 1):
        network.parameters[element_type] += count


def _is_tokenizer(name: str) -> bool:
    return Path(name).name.startswith(("openvino_tokenizer", "openvino_detokenizer"))
