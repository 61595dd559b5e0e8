"""Where a checkpoint comes from: folders by content, hub ids by commit, one clear sentence when neither is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from converters.source import needed, open_checkpoint
from modelyard.errors import SourceUnavailable


def test_the_revision_of_a_folder_is_its_content(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    first, second = open_checkpoint(str(checkpoint)).identity, open_checkpoint(str(copy)).identity
    assert first.revision == second.revision
    (copy / "generation_config.json").write_text("{}")
    assert open_checkpoint(str(copy)).identity.revision != first.revision


def test_words_beside_a_checkpoint_change_nothing(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    (copy / "README.md").write_text("about this model")
    (copy / "trainer_state.json").write_text("{}")
    (copy / "consolidated.safetensors").write_bytes(b"the same weights again")
    assert open_checkpoint(str(copy)).identity.revision == open_checkpoint(str(checkpoint)).identity.revision


def test_an_unchanged_folder_is_not_read_again(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    known = open_checkpoint(str(copy)).identity
    (copy / "model.safetensors").chmod(0)
    if not _readable(copy / "model.safetensors"):  # root may read everything
        assert open_checkpoint(str(copy), known=known).source == known
    (copy / "model.safetensors").chmod(0o644)
    (copy / "config.json").write_text("{}")
    assert open_checkpoint(str(copy), known=known).identity.revision != known.revision


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_only_what_is_needed_is_taken() -> None:
    names = [
        "config.json",
        "model.safetensors",
        "pytorch_model.bin",
        "tf_model.h5",
        "onnx/model.onnx",
        "README.md",
        "tokenizer.json",
        "chat_template.jinja",
        "modeling_own.py",
        "original/params.json",
    ]
    taken = ("chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json")
    assert needed(names, with_code=False) == taken
    assert needed(names, with_code=True) == tuple(sorted([*taken, "modeling_own.py"]))
    assert needed(["config.json", "pytorch_model.bin"], with_code=False) == ("config.json", "pytorch_model.bin")


@pytest.mark.parametrize("location", ["/no/such/folder", "./no-such", "a/b/c", "", "~/no-such-folder-here"])
def test_a_folder_that_is_not_there(location: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"there is no folder|is neither"):
        open_checkpoint(location if location else "no such folder")


def test_a_file_is_not_a_folder(checkpoint: Path) -> None:
    with pytest.raises(SourceUnavailable, match="is a file"):
        open_checkpoint(str(checkpoint / "model.safetensors"))


def test_a_folder_has_no_revisions(checkpoint: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no revisions"):
        open_checkpoint(str(checkpoint), revision="main")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


@pytest.mark.usefixtures("empty_cache")
def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceUnavailable, match="the hub cannot be reached"):
        open_checkpoint("someone/some-model")


@pytest.mark.usefixtures("empty_cache")
def test_offline_with_nothing_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SourceUnavailable, match="offline mode is on"):
        open_checkpoint("someone/some-model")


@pytest.mark.usefixtures("empty_cache")
def test_offline_with_the_model_in_the_cache(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--someone--some-model"
    shutil.copytree(checkpoint, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = open_checkpoint("someone/some-model")
    assert (found.source.kind, found.source.location, found.source.revision) == ("hub", "someone/some-model", commit)
    assert "model.safetensors" in found.weights
