"""The header of a safetensors file is read as it was written, or refused with a sentence, whatever bit of it flips."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from converters.adapters import read_adapter
from converters.safetensors_header import SafeTensor, read_safetensors
from modelyard.errors import BadAdapter

TENSOR = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("safetensors") / "model.safetensors"
    tensors = {
        "model.embed_tokens.weight": torch.zeros(24, 10),
        "model.norm.weight": torch.zeros(10, dtype=torch.bfloat16),
        "steps": torch.zeros((), dtype=torch.int64),
        "half": torch.zeros(3, 1, 5, dtype=torch.float16),
    }
    save_file(tensors, path, metadata={"format": "pt"})
    return path


def written(path: Path, header: Mapping[str, Any] | bytes, data: int = 24) -> Path:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content + bytes(data))
    return path


def test_it_agrees_with_the_formats_own_package(whole: Path) -> None:
    ours = read_safetensors(whole)
    with safe_open(whole, "pt") as theirs:
        found = {name: theirs.get_slice(name) for name in theirs.keys()}  # noqa: SIM118 - it is no mapping
        assert {name: (each.get_dtype(), tuple(each.get_shape())) for name, each in found.items()} == {
            name: (tensor.type, tensor.shape) for name, tensor in ours.items()
        }
    assert sum(tensor.parameters for tensor in ours.values()) == 240 + 10 + 1 + 15


def test_every_bit_of_a_header_counts(whole: Path) -> None:
    """Flipped, it is refused, or changes no more than a name or the metadata."""
    meaning = _without_names(read_safetensors(whole))
    length = 8 + int.from_bytes(whole.read_bytes()[:8], "little")
    refused = 0
    with whole.open("r+b", buffering=0) as file:
        for bit in range(8 * length):
            place, mask = divmod(bit, 8)
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << mask]))
            try:
                assert _without_names(read_safetensors(whole)) == meaning, bit
            except ValueError:
                refused += 1
            file.seek(place)
            file.write(bytes([byte]))
    assert refused > 4 * length
    assert _without_names(read_safetensors(whole)) == meaning


def _without_names(tensors: Mapping[str, SafeTensor]) -> list[SafeTensor]:
    return sorted(tensors.values(), key=lambda tensor: tensor.begin)


@pytest.mark.parametrize(
    "change",
    [
        {"data_offsets": [0, float("inf")]},  # as 1e3840 is read
        {"data_offsets": [0, 24.0]},
        {"data_offsets": [24, 0]},
        {"data_offsets": [-24, 0]},
        {"data_offsets": [0]},
        {"data_offsets": None},
        {"shape": [[1]]},
        {"shape": [2, True]},
        {"shape": [-2, -3]},
        {"shape": [2, 4]},
        {"shape": "23"},
        {"shape": {}},
        {"dtype": "F33"},
        {"dtype": ["F32"]},
    ],
)
def test_what_does_not_fit_together_is_named(change: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path / "model.safetensors", {"weight": TENSOR | change})
    with pytest.raises(ValueError, match="the tensor 'weight' does not fit together"):
        read_safetensors(path)


def test_tensors_lie_one_after_the_other(tmp_path: Path) -> None:
    later = {**TENSOR, "data_offsets": [24, 48]}
    assert list(read_safetensors(written(tmp_path / "two", {"b": later, "a": TENSOR}, 48))) == ["b", "a"]
    for header in ({"a": later}, {"a": TENSOR, "b": TENSOR | {"data_offsets": [23, 47]}, "c": later}):
        with pytest.raises(ValueError, match="does not begin where the one before it ends"):
            read_safetensors(written(tmp_path / "gap", header, 48))


def test_an_adapter_of_scalars_is_none(tmp_path: Path) -> None:
    scalar = {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}
    path = written(tmp_path / "adapter.safetensors", {"layer.lora_A.weight": scalar}, 4)
    with pytest.raises(BadAdapter, match="no LoRA matrices"):
        read_adapter(path)
