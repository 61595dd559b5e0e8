"""A model goes in one step, never under the feet of a service or a conversion, and whole."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from modelyard import running, usage
from modelyard.catalog import removal
from modelyard.catalog.removal import remove
from modelyard.entry import entries_in, locked, staged, staging_root
from modelyard.errors import EngineUnavailable, EntryBusy, EntryInUse, EntryNotFound
from modelyard.running import Loaded, announce, loaded_models
from tests.modelyard.catalog.entries import content_of, write_entry
from tests.modelyard.conftest import Served


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path / "repository", "m")
    write_entry(tmp_path / "repository", "other")
    return tmp_path / "repository"


def test_a_removed_model_is_gone(repository: Path) -> None:
    size = sum(len(content) for content in content_of(repository / "m").values())
    usage.record(repository, "m")
    assert remove(repository, "m") == size
    assert [entry.name for entry in entries_in(repository)] == ["other"]
    assert usage.last_used(repository, "m") is None
    assert list(staging_root(repository).glob("*+*")) == []
    with pytest.raises(EntryNotFound):
        remove(repository, "m")


def test_a_model_that_is_loaded_stays_until_it_is_forced(served: Served) -> None:
    served.load("in-use")
    with served.announced():
        with pytest.raises(EntryInUse, match="'in-use' is loaded by a running service"):
            remove(served.repository, "in-use")
        assert (served.repository / "in-use/config.pbtxt").exists()
        assert loaded_models(served.repository).has("in-use") is True
        remove(served.repository, "in-use", force=True)
        assert not (served.repository / "in-use").exists()
        assert loaded_models(served.repository).has("in-use") is False


def test_a_model_that_is_loaded_just_then_stays(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, answers = content_of(repository / "m"), iter([Loaded({}), Loaded({"m": ("grpc://127.0.0.1:1",)})])
    monkeypatch.setattr(running, "loaded_models", lambda folder: next(answers))
    with pytest.raises(EntryInUse):
        remove(repository, "m")
    assert content_of(repository / "m") == before
    assert list(staging_root(repository).glob("*+*")) == []


def test_where_nobody_can_say_whether_it_is_loaded_it_stays(repository: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"grpc://127.0.0.1:{free.getsockname()[1]}"
    with announce(repository, url="", tritons=[url]):
        with pytest.raises(EntryInUse, match=f"its Triton \\({url}\\) does not say whether 'm' is loaded"):
            remove(repository, "m")
        remove(repository, "m", force=True)
    assert [entry.name for entry in entries_in(repository)] == ["other"]


def test_a_triton_that_does_not_unload_keeps_the_model(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "loaded_models", lambda folder: Loaded({"m": ("grpc://127.0.0.1:1",)}))
    with pytest.raises(EngineUnavailable):
        remove(repository, "m", force=True)
    assert [entry.name for entry in entries_in(repository)] == ["m", "other"]


def test_a_model_that_is_being_converted_stays(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "locked", lambda *names: locked(*names, timeout_s=0.1))
    with staged(repository, "m", replace=True) as entry:
        entry.config.write_text("new")
        with pytest.raises(EntryBusy, match="is being converted"):
            remove(repository, "m", force=True)
    assert (repository / "m/config.pbtxt").read_text() == "new"


def test_of_many_removals_at_once_one_is_first_and_the_others_find_nothing(repository: Path) -> None:
    outcome: list[object] = []

    def try_it() -> None:
        try:
            outcome.append(remove(repository, "m") > 0)
        except EntryNotFound as error:
            outcome.append(type(error))

    threads = [threading.Thread(target=try_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcome)) == sorted(map(str, [True, *[EntryNotFound] * 5]))
