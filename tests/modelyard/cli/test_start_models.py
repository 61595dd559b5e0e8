"""Which models `modelyard serve` loads at the start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from modelyard import usage
from modelyard.cli import start_models
from modelyard.cli.start_models import StartModels, choose
from modelyard.errors import EntryNotFound, HostProblem, NotEnoughMemory
from modelyard.settings import Settings
from tests.modelyard.catalog.entries import amend_manifest, write_entry


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three entries of 1 GiB each, the second of which was made last."""
    for age, name in enumerate(("first", "third", "second")):
        version = tmp_path / "repository" / name / "1"
        version.mkdir(parents=True)
        config = version.parent / "config.pbtxt"
        config.write_text('backend: "openvino_genai"\n')
        os.utime(config, (1_700_000_000 + age, 1_700_000_000 + age))
        with (version / "openvino_model.bin").open("wb") as weights:
            weights.truncate(2**30)  # a hole: it takes no disk
    return tmp_path / "repository"


@pytest.fixture(autouse=True)
def _much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_models, "free_memory", lambda: 2**40)


def _settings(repository: Path, **given: object) -> Settings:
    return Settings(_env_file=None, model_repository=repository, **given)  # type: ignore[arg-type]


ALL = ("first", "second", "third")


def test_named_models_are_loaded_and_pinned(repository: Path) -> None:
    chosen = choose(_settings(repository), ["third", "first", "third"])
    assert chosen == StartModels(("third", "first"), pinned=True, installed=ALL)


def test_without_a_name_the_last_made_is_loaded_until_one_has_answered(repository: Path) -> None:
    assert choose(_settings(repository), []) == StartModels(("second",), installed=ALL)
    usage.record(repository, "first")
    assert choose(_settings(repository), []) == StartModels(("first",), installed=ALL)


def test_entries_of_other_engines_are_told_apart(repository: Path) -> None:
    entry = write_entry(repository, "others")
    amend_manifest(entry, target="triton-vllm")
    assert choose(_settings(repository), []) == StartModels(
        ("second",), installed=ALL, foreign={"others": "triton-vllm"}
    )
    for name in ALL:
        shutil.rmtree(repository / name)
    assert choose(_settings(repository), []) == StartModels(foreign={"others": "triton-vllm"})


def test_an_empty_repository_is_no_problem(tmp_path: Path) -> None:
    assert choose(_settings(tmp_path / "none"), []) == StartModels()
    with pytest.raises(EntryNotFound, match="installed: none"):
        choose(_settings(tmp_path / "none"), ["first"])


def test_too_little_memory_for_what_was_named_is_said_with_both_figures(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_models, "free_memory", lambda: 2**30)
    with pytest.raises(NotEnoughMemory, match=r"serving first needs about 1\.7 GiB of memory, 1\.0 GiB are free"):
        choose(_settings(repository), ["first"])


def test_too_little_memory_for_what_was_not_named_leaves_the_load_to_a_request(repository: Path) -> None:
    settings = _settings(repository, memory_for_models=2**30)
    assert choose(settings, []) == StartModels(installed=ALL)
    with pytest.raises(NotEnoughMemory):
        choose(settings, ["first"])


def test_more_names_than_may_be_loaded_are_refused(repository: Path) -> None:
    with pytest.raises(HostProblem, match="3 models are to be loaded and to stay, and max_loaded_models is 2"):
        choose(_settings(repository, max_loaded_models=2), ALL)
