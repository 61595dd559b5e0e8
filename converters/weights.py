"""Weight files as they lie on disk: whole or not, how many parameters, how many bytes.

Reads headers only, with no tensor library; loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from converters.safe_weights import parameters_of_pickle
from converters.safetensors_header import read_safetensors
from converters.source import Checkpoint
from modelyard.errors import WeightsDamaged


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
    if path.suffix == ".safetensors":
        return sum(tensor.parameters for tensor in read_safetensors(path).values())
    return parameters_of_pickle(path)
