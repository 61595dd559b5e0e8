"""Pickled weights are read without running them: hostile, cut and foreign files are refused by name."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.safe_weights import check_pickle, parameters_of_pickle
from modelyard.errors import WeightsDamaged
from tests.converters.checkpoints import write_checkpoint


class Hostile:
    """Touches a file when it is unpickled, as an attacker would do worse."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


def rewritten(path: Path, pickled: bytes) -> None:
    """The same PyTorch file with another data.pkl."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, pickled if name.endswith("data.pkl") else content)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "pytorch_model.bin"
    tied = torch.nn.Parameter(torch.ones(4, 8))
    tensors = OrderedDict(
        a=tied, b=tied, c=torch.zeros(3, dtype=torch.bfloat16), d=torch.zeros(5, dtype=torch.int64), e=torch.tensor(1.0)
    )
    torch.save(tensors, path)
    return path


def test_each_tensor_is_counted_once(weights: Path) -> None:
    assert parameters_of_pickle(weights) == 4 * 8 + 3 + 5 + 1


def test_views_of_one_storage_are_tensors_of_their_own(tmp_path: Path) -> None:
    whole = torch.zeros(6, 4)
    torch.save({"top": whole[:2], "rest": whole[2:]}, tmp_path / "w.bin")
    assert parameters_of_pickle(tmp_path / "w.bin") == 24


def test_a_model_of_transformers_is_accepted(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folder = write_checkpoint(tmp_path / "tiny")
    tensors = load_file(folder / "model.safetensors")
    torch.save(tensors, folder / "pytorch_model.bin")
    assert parameters_of_pickle(folder / "pytorch_model.bin") == sum(tensor.numel() for tensor in tensors.values())


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("place", ["alone", "among tensors"])
def test_a_hostile_pickle_is_named_and_never_run(protocol: int, place: str, weights: Path) -> None:
    marker = weights.parent / "marker"
    content: Any = Hostile(marker) if place == "alone" else {"weight": torch.ones(2), "x": Hostile(marker)}
    torch.save(content, weights, pickle_protocol=protocol)
    with pytest.raises(WeightsDamaged, match=r"pytorch_model\.bin"):
        check_pickle(weights)
    assert not marker.exists()
    # The file is hostile indeed: it does its work where it is trusted.
    torch.load(weights, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize(
    "pickled",
    [
        b"cposix\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x85R.",
        b"\x80\x02ctorch\nload\n.",
        b"\x80\x02cbuiltins\neval\n.",
        b"\x80\x02ccollections\nCounter\n.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"\x80\x02]q\x00.",
        b"\x80\x02}",
        b"",
        b"\xff\xff",
    ],
)
def test_what_is_no_list_of_tensors_is_refused(pickled: bytes, weights: Path) -> None:
    rewritten(weights, pickled)
    with pytest.raises(WeightsDamaged, match=r"pytorch_model\.bin"):
        check_pickle(weights)


def test_what_pytorch_refuses_is_refused(weights: Path) -> None:
    """Our reading is at least as narrow as that of PyTorch's own weights_only."""
    for hostile in (b"cposix\nsystem\n(S'true'\ntR.", b"\x80\x02ctorch\nload\n."):
        rewritten(weights, hostile)
        with pytest.raises(pickle.UnpicklingError):
            torch.load(weights, weights_only=True)
        with pytest.raises(WeightsDamaged):
            check_pickle(weights)


@pytest.mark.parametrize("keep", [0, 10, 700, -1])
def test_a_truncated_file(keep: int, weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(WeightsDamaged, match="not a whole PyTorch file"):
        check_pickle(weights)


def test_tensor_data_that_is_not_there(weights: Path) -> None:
    with zipfile.ZipFile(weights) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(weights, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content[:8] if name.endswith("data/0") else content)
    with pytest.raises(WeightsDamaged, match="data 0 is missing or cut off"):
        check_pickle(weights)


def test_a_file_from_before_zip_archives(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    with pytest.raises(WeightsDamaged, match=r"old\.bin.*before PyTorch 1\.6"):
        check_pickle(tmp_path / "old.bin")


def test_a_state_dict_with_its_metadata(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4).half())
    torch.save(network.state_dict(), tmp_path / "w.bin")
    assert parameters_of_pickle(tmp_path / "w.bin") == 3 * 4 + 4 + 4 + 4


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsDamaged, match=r"gone\.bin.*missing"):
        check_pickle(tmp_path / "gone.bin")


@settings(max_examples=200, deadline=None)
@given(position=st.integers(0, 10_000), replacement=st.binary(min_size=1, max_size=6))
def test_a_fuzzed_pickle_is_read_or_refused(
    position: int, replacement: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzzed") / "w.bin"
    torch.save({"a": torch.zeros(2, 3), "b": torch.zeros(4)}, path)
    with zipfile.ZipFile(path) as archive:
        pickled = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    position %= len(pickled)
    rewritten(path, pickled[:position] + replacement + pickled[position + len(replacement) :])
    refusals = []
    try:
        parameters_of_pickle(path)
    except WeightsDamaged as refused:
        refusals.append(str(refused))
    assert all("w.bin" in refusal for refusal in refusals)


def test_transformers_loads_pickles_by_weights_only(tmp_path: Path) -> None:
    """The library behind the exporters must not run a pickle either, should one ever reach it."""
    from transformers import AutoModelForCausalLM

    folder, marker = write_checkpoint(tmp_path / "tiny"), tmp_path / "marker"
    (folder / "model.safetensors").unlink()
    torch.save({"model.norm.weight": torch.ones(64), "x": Hostile(marker)}, folder / "pytorch_model.bin")
    with pytest.raises(Exception, match=r"(?i)weights.only|unpickl|pytorch_model"):
        AutoModelForCausalLM.from_pretrained(folder)
    assert not marker.exists()


def test_a_protocol_4_pickle_of_plain_tensors_is_refused_as_pytorch_does() -> None:
    stream = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, stream, pickle_protocol=4)
    stream.seek(0)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(stream, weights_only=True)
