"""What is told of the entries on disk, and that it is read again when, and only when, something has changed."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.library import shelf
from gateway.library.shelf import Shelf
from modelyard.card import ModelCard
from modelyard.catalog.copying import copy
from modelyard.catalog.installed import Installed
from modelyard.catalog.variants import Changes, make_variant
from modelyard.errors import EntryNotFound
from modelyard.manifest import Source, write_manifest
from tests.modelyard.catalog.entries import MANIFEST, write_entry


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path / "repository", "m")
    return tmp_path / "repository"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the entries that were read, one for each time."""
    names: list[str] = []
    real = shelf._described

    def noted(found: Installed) -> shelf.InstalledModel:
        names.append(found.name)
        return real(found)

    monkeypatch.setattr(shelf, "_described", noted)
    return names


def test_an_entry_is_told_of_as_its_manifest_says(repository: Path) -> None:
    model = Shelf(repository).find("m")
    assert (model.architecture, model.parameters) == (MANIFEST.architecture, MANIFEST.parameters)
    assert (model.precision, model.target, model.source) == ("int8", "triton-openvino", "someone/m")
    assert model.card.task == "text-generation"
    assert model.size > 3000
    assert len(model.digest) == 64
    assert model.modified is not None
    assert model.modified.timestamp() == pytest.approx((repository / "m/manifest.json").stat().st_mtime)


@pytest.mark.parametrize(
    ("backend", "parameters", "on_gpu"),
    [
        ("openvino_genai", {"DEVICE": "GPU"}, True),
        ("openvino_genai", {"DEVICE": "gpu.1"}, True),
        ("openvino_embeddings", {"DEVICE": "HETERO:GPU,CPU"}, True),
        ("openvino_genai", {"DEVICE": "CPU"}, False),
        ("openvino_genai", {"DEVICE": "NPU"}, False),
        ("openvino_genai", {}, False),
        ("llamacpp", {"N_GPU_LAYERS": "12"}, True),
        ("llamacpp", {"N_GPU_LAYERS": "all"}, True),
        ("llamacpp", {"N_GPU_LAYERS": "0"}, False),
        ("llamacpp", {}, False),
        ("diffusers", {}, True),
        ("diffusers", {"DEVICE": "cuda:1"}, True),
        ("diffusers", {"DEVICE": "cpu"}, False),
        ("vllm", {}, True),
    ],
)
def test_the_device_of_an_entry_is_told(
    repository: Path, backend: str, parameters: dict[str, str], on_gpu: bool
) -> None:
    lines = [f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}' for key, value in parameters.items()]
    (repository / "m" / "config.pbtxt").write_text("\n".join([f'backend: "{backend}"', *lines]))
    assert Shelf(repository).find("m").on_gpu is on_gpu


def test_the_path_of_a_folder_is_told_to_nobody(repository: Path) -> None:
    entry = write_entry(repository, "own")
    write_manifest(entry, replace(MANIFEST, name="own", source=Source("folder", "/home/me/secret", "sha256:0")))
    assert Shelf(repository).find("own").source is None


def test_an_entry_by_hand_and_one_that_cannot_be_read_are_listed(repository: Path) -> None:
    write_entry(repository, "bare", manifest=False)
    (write_entry(repository, "torn", manifest=False).config).write_text("parameters {")
    listed = {model.name: model for model in Shelf(repository).installed()}
    assert list(listed) == ["bare", "m", "torn"]
    assert listed["bare"].size > 3000
    assert listed["torn"].card == ModelCard()


def test_only_what_has_changed_is_read_again(repository: Path, read: list[str]) -> None:
    write_entry(repository, "bare", manifest=False)
    here = Shelf(repository)
    first = here.installed()
    assert here.installed() == first
    assert here.find("m") == first[1]
    assert read == ["bare", "m"]

    make_variant(repository, "m", "m", Changes("changed"))
    os.utime(repository / "bare/config.pbtxt", (1, 1))
    assert here.find("m").system == "changed"
    assert [model.name for model in here.installed()] == ["bare", "m"]
    assert read == ["bare", "m", "m", "bare"]


def test_what_comes_and_goes_is_seen_at_once(repository: Path) -> None:
    here = Shelf(repository)
    copy(repository, "m", "second")
    assert [model.name for model in here.installed()] == ["m", "second"]
    shutil.rmtree(repository / "m")
    assert [model.name for model in here.installed()] == ["second"]
    for name in ("m", "..", "a/b", ""):
        with pytest.raises(EntryNotFound, match="installed: second"):
            here.find(name)
    assert Shelf(repository / "missing").installed() == []
