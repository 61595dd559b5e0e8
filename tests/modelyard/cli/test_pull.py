"""A pull brings the model that it once pulled up to date, and takes the place of no other one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from modelyard.catalog.copying import copy
from modelyard.catalog.variants import Changes, make_variant
from modelyard.cli.conversion_options import Order
from modelyard.entry import entry_at, staging_root
from modelyard.errors import EntryExists
from modelyard.manifest import Manifest, Source, read_manifest, write_manifest
from tests.converters.gguf_files import write_gguf
from tests.hub_server import HubServer, settings_for
from tests.modelyard.catalog.entries import content_of, write_entry
from tests.modelyard.cli.running import refused, run
from tests.modelyard.cli.test_first_look import looked_at


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two quantizations of a model."""
    folder = tmp_path_factory.mktemp("files")
    for quantization in ("Q8_0", "Q4_0"):
        write_gguf(folder / f"tiny-{quantization}.gguf", quantization)
    return folder


@pytest.fixture
def hub(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with HubServer() as running:
        running.add_model("a/llama", files)
        running.add_model("b/llama", files)
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def test_only_the_same_model_takes_its_place(hub: HubServer, repository: Path, files: Path, tmp_path: Path) -> None:
    def pull(*arguments: str) -> Manifest:
        shown = run("pull", *arguments, repository=repository, **settings)
        assert shown.returncode == 0, shown.stderr
        return manifest_of(repository, "llama")

    settings = {"MODELYARD_HUB_ENDPOINTS": hub.url, "MODELYARD_CACHE_DIR": str(tmp_path / "cache")}
    assert pull("a/llama:Q8_0", "--name", "llama").quantization == "Q8_0"
    before, leftovers = content_of(repository), sorted(staging_root(repository).iterdir())
    hub.forget()
    other = run("pull", "b/llama", repository=repository, **settings)
    refused(other, 2, "the model 'llama' exists already, made from a/llama:Q8_0", "--name", "--force")
    assert hub.asked(".gguf", method="GET") == [seen for seen in hub.asked(".gguf") if seen.headers.get("range")]
    assert (content_of(repository), sorted(staging_root(repository).iterdir())) == (before, leftovers)

    newer = Path(shutil.copytree(files, tmp_path / "newer"))
    write_gguf(newer / "tiny-Q4_0.gguf", "Q4_0", seed=8)
    hub.models["a/llama"].clear()
    moved = hub.add_model("a/llama", newer)
    again = pull("hf.co/a/llama:Q4_0", "--name", "llama")
    assert (again.quantization, again.source.revision) == ("Q4_0", moved.commit)


def by_hand(repository: Path) -> str:
    write_entry(repository, "llama", manifest=False)
    return "written by hand"


def a_variant(repository: Path) -> str:
    pulled(repository, "base", "hub", "a/llama")
    make_variant(repository, "base", "llama", Changes("Speak like a pirate."))
    return "a variant of base"


def of_a_folder(repository: Path) -> str:
    pulled(repository, "llama", "folder", "a/llama")
    return "made from a/llama"


def of_another_model(repository: Path) -> str:
    pulled(repository, "llama", "hub", "a/llama2")
    return "made from a/llama2"


@pytest.mark.parametrize("there", [by_hand, a_variant, of_a_folder, of_another_model])
def test_what_came_from_elsewhere_is_left_before_anything_is_fetched(
    there: Callable[[Path], str], hub: HubServer, repository: Path, tmp_path: Path
) -> None:
    what = there(repository)
    with pytest.raises(EntryExists, match=f"the model 'llama' exists already, {what}$"):
        looked_at(settings_for(hub, tmp_path), Order(source="a/llama", name="llama", pull=True))
    assert not list((tmp_path / "cache").rglob("*.gguf"))


def test_what_was_pulled_or_may_go_is_no_obstacle(hub: HubServer, repository: Path, tmp_path: Path) -> None:
    pulled(repository, "base", "hub", "https://huggingface.co/a/llama")
    copy(repository, "base", "llama")
    settings = settings_for(hub, tmp_path)
    for order in (
        Order(source="a/llama", name="llama", pull=True),
        Order(source="b/llama", name="llama", pull=True, force=True),
        Order(source="b/llama", name="llama", update=True),  # `convert --update`
    ):
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        assert any(note.startswith("to fetch: ") for note in looked_at(settings, order)[1])


def pulled(repository: Path, name: str, kind: Literal["folder", "hub"], location: str) -> None:
    """An entry as a conversion of that source would have left it."""
    entry = write_entry(repository, name)
    write_manifest(entry, replace(manifest_of(repository, name), source=Source(kind, location, "c" * 40)))


def manifest_of(repository: Path, name: str) -> Manifest:
    manifest = read_manifest(entry_at(repository, name))
    assert manifest is not None
    return manifest
