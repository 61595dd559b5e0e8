"""Weight files as they lie on disk: whole or not, how many parameters, how many bytes.

Reads headers only, with no tensor library; loads nothing.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.safe_weights import parameters_of_pickle
from converters.source import Checkpoint
from modelyard.errors import WeightsDamaged

_MAX_HEADER = 100 * 2**20  # bytes; safetensors' own limit


@dataclass(frozen=True)
class Weights:
    """What the headers say."""

    parameters: int
    bytes: int
    problems: tuple[WeightsDamaged, ...]


def inspect(checkpoint: Checkpoint) -> Weights:
    """Every weight file, and every shard that the index names, against its own header and size."""
    if not checkpoint.weights:
        return Weights(0, 0, (WeightsDamaged(str(checkpoint.folder), "there is no model.safetensors"),))
    problems: list[WeightsDamaged] = []
    names = {name for name in checkpoint.weights if not name.endswith(".json")}
    if not names & {"model.safetensors", "pytorch_model.bin"}:
        names = _named_by_index(checkpoint, problems) or names
    parameters = size = 0
    for name in sorted(names):
        try:
            parameters += _check(checkpoint.folder / name)
            size += (checkpoint.folder / name).stat().st_size
        except WeightsDamaged as damaged:
            problems.append(damaged)
        except FileNotFoundError:
            problems.append(WeightsDamaged(name, "the file is missing"))
        except (OSError, ValueError) as error:
            problems.append(WeightsDamaged(name, str(error)))
    return Weights(parameters, size, tuple(problems))


def _named_by_index(checkpoint: Checkpoint, problems: list[WeightsDamaged]) -> set[str]:
    index = next((name for name in checkpoint.weights if name.endswith(".json")), None)
    if index is None:
        problems.append(WeightsDamaged(str(checkpoint.folder), "there are shards but no index of them"))
        return set()
    shards = checkpoint.read_json(index).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        problems.append(WeightsDamaged(index, "it has no weight_map"))
        return set()
    # A name with a folder in it would read files that are none of the checkpoint's.
    names = {str(name) for name in shards.values()}
    if strangers := {name for name in names if Path(name).name != name}:
        problems.append(WeightsDamaged(index, f"it names {min(strangers)}, outside of the checkpoint"))
    return names - strangers


def _check(path: Path) -> int:
    """The number of parameters in a file. Raises ValueError when it is not whole."""
    return _check_safetensors(path) if path.suffix == ".safetensors" else parameters_of_pickle(path)


def safetensors_header(path: Path) -> dict[str, Any]:
    """The entries of a safetensors file by tensor name. Raises ValueError when the file is not whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(prefix := file.read(8), "little")
        if len(prefix) < 8 or length > min(size - 8, _MAX_HEADER):
            raise ValueError(f"the file ends inside its header ({size:,} bytes)")
        try:
            header: dict[str, Any] = json.loads(file.read(length))
            tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
            end = max((int(entry["data_offsets"][1]) for entry in tensors.values()), default=0)
            for entry in tensors.values():
                math.prod(entry["shape"])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            raise ValueError("its header is not that of a safetensors file") from None
    expected = 8 + length + end
    if size != expected:
        raise ValueError(f"it has {size:,} bytes where its header promises {expected:,}")
    return tensors


def _check_safetensors(path: Path) -> int:
    return sum(math.prod(entry["shape"]) for entry in safetensors_header(path).values())
