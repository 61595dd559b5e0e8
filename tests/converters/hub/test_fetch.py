"""Files come whole, once, checked, and are the library's own cache afterwards."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from converters.hub.access import Hub
from converters.hub.fetch import fetch
from modelyard.catalog.hub_cache import unneeded
from modelyard.errors import NotEnoughDisk, SourceUnavailable
from tests.converters.hub.conftest import ID
from tests.converters.hub.everything import LARGE, all_files, same_files
from tests.hub_server import BadBytes, HubServer


def test_all_that_was_chosen_comes(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    fetched = fetch(hub, ID, choose=lambda names: tuple(name for name in names if name.endswith(".json")))
    assert (fetched.commit, fetched.files) == (model.commit, ("config.json", "tokenizer.json"))
    assert sorted(path.name for path in fetched.folder.iterdir()) == ["config.json", "tokenizer.json"]
    whole = fetch(hub, ID, choose=all_files)
    assert whole.folder == fetched.folder
    assert same_files(whole.folder, folder)


def test_files_below_folders_keep_their_paths(hub: Hub, server: HubServer, folder: Path) -> None:
    (folder / "text encoder").mkdir()
    (folder / "text encoder" / "model é.safetensors").write_bytes(b"w" * 1000)
    server.add_model(ID, folder)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_the_library_finds_it_in_its_own_cache(hub: Hub, server: HubServer, folder: Path) -> None:
    from huggingface_hub import hf_hub_download, scan_cache_dir

    server.add_model(ID, folder)
    fetched = fetch(hub, ID, choose=all_files)
    path = hf_hub_download(ID, LARGE, cache_dir=hub.cache(), local_files_only=True)
    assert Path(path) == fetched.folder / LARGE
    found = scan_cache_dir(hub.cache())
    assert not found.warnings
    (repo,) = found.repos
    (revision,) = repo.revisions
    assert (repo.repo_id, revision.refs, len(revision.files)) == (ID, frozenset({"main"}), 4)


def test_a_second_time_asks_for_no_file(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    server.forget()
    fetch(hub, ID, choose=all_files)
    assert [seen.path.partition("?")[0] for seen in server.seen] == [f"/api/models/{ID}"]


@pytest.mark.parametrize("offline", [False, True])
def test_what_is_opened_again_is_not_tidied_away(offline: bool, hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    snapshot = fetch(hub, ID, choose=all_files).folder
    last_week = time.time() - 7 * 86_400
    for path in (snapshot, *snapshot.iterdir(), *hub.cache().glob("models--*/blobs/*")):
        os.utime(path, (last_week, last_week), follow_symlinks=False)
    assert unneeded(hub.cache(), [], dry_run=True)
    assert fetch(replace(hub, offline=offline), ID, choose=all_files).folder == snapshot
    assert unneeded(hub.cache(), [], dry_run=False) == []
    assert same_files(snapshot, folder)


def test_a_revision_and_its_commit(hub: Hub, server: HubServer, folder: Path, tmp_path: Path) -> None:
    older = Path(shutil.copytree(folder, tmp_path / "older"))
    (older / "config.json").write_text('{"model_type": "older"}')
    server.add_model(ID, folder)
    branch = server.add_model(ID, older, revision="refs/pr/1")
    by_name = fetch(hub, ID, revision="refs/pr/1", choose=all_files)
    assert by_name.commit == branch.commit
    assert same_files(by_name.folder, older)
    assert fetch(hub, ID, revision=branch.commit, choose=all_files) == by_name
    assert fetch(hub, ID, choose=all_files).commit != branch.commit


def test_an_empty_file(hub: Hub, server: HubServer, folder: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "empty.bin").write_bytes(b"")
    server.add_model(ID, folder)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_wrong_bytes_are_asked_for_once_more(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    server.order(LARGE, BadBytes())
    server.order("config.json", BadBytes())
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    assert len(server.asked(f"/lfs/{_digest(server, LARGE)}", method="GET")) == 2


def test_wrong_bytes_twice_are_named_and_not_kept(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    server.order(LARGE, BadBytes(), BadBytes())
    with pytest.raises(SourceUnavailable, match=rf"{LARGE} of {ID} came twice .*wrong checksum") as refused:
        fetch(hub, ID, choose=all_files)
    assert refused.value.hint
    assert not list(hub.cache().rglob(f"*{_digest(server, LARGE)}*[!k]"))  # nothing but the lock
    assert not list(hub.cache().rglob(LARGE))
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_blob_that_was_damaged_since_is_replaced(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    fetched = fetch(hub, ID, choose=all_files)
    _flip_a_bit(fetched.folder / LARGE)
    server.forget()
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    assert len(server.asked("/lfs/", method="GET")) == 1


def test_an_unchanged_blob_is_not_read_again(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from converters.hub import verify

    server.add_model(ID, folder)
    fetched = fetch(hub, ID, choose=all_files)
    read: list[str] = []
    honest = verify.digest_of
    monkeypatch.setattr(verify, "digest_of", lambda path, like: read.append(path.name) or honest(path, like))
    fetch(hub, ID, choose=all_files)
    assert read == []
    (fetched.folder / LARGE).resolve().touch()
    fetch(hub, ID, choose=all_files)
    assert read == [_digest(server, LARGE)]


def test_the_same_file_of_two_models_is_one(hub: Hub, server: HubServer, folder: Path, tmp_path: Path) -> None:
    server.add_model(ID, folder)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "again.safetensors").write_bytes((folder / LARGE).read_bytes())
    server.add_model("other/tuned", copy)
    first = fetch(hub, ID, choose=all_files)
    server.forget()
    second = fetch(hub, "other/tuned", choose=all_files)
    assert server.asked("/lfs/", method="GET") == []
    assert (first.folder / LARGE).samefile(second.folder / LARGE)
    assert (second.folder / "again.safetensors").samefile(first.folder / LARGE)
    assert same_files(second.folder, copy)


def test_copies_that_others_left_become_one(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    server.add_model("other/tuned", folder)
    first, second = (fetch(hub, model, choose=all_files) for model in (ID, "other/tuned"))
    blob = (second.folder / LARGE).resolve()
    content = blob.read_bytes()
    blob.unlink()
    blob.write_bytes(content)  # as the library alone would have left it
    assert not (first.folder / LARGE).samefile(second.folder / LARGE)
    second = fetch(hub, "other/tuned", choose=all_files)
    assert (first.folder / LARGE).samefile(second.folder / LARGE)


def test_a_damaged_copy_of_another_model_is_not_taken(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    server.add_model("other/tuned", folder)
    first = fetch(hub, ID, choose=all_files)
    _flip_a_bit(first.folder / LARGE)
    assert same_files(fetch(hub, "other/tuned", choose=all_files).folder, folder)


def test_progress_begins_with_every_file_and_ends_with_all_bytes(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    told: list[tuple[str, int, int]] = []
    fetch(hub, ID, choose=all_files, on_progress=lambda *step: told.append(step))
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert {name: total for name, _, total in told[: len(sizes)]} == sizes
    assert {name: done for name, done, _ in told} == sizes
    for name in sizes:
        steps = [done for file, done, _ in told if file == name]
        assert steps == sorted(steps)
    again: list[tuple[str, int, int]] = []
    fetch(hub, ID, choose=all_files, on_progress=lambda *step: again.append(step))
    assert all(done == total for _, done, total in again)


def test_what_progress_raises_ends_the_fetch(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)

    def stop(file: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(hub, ID, choose=all_files, on_progress=stop)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_disk_that_is_too_small_is_found_before_anything_comes(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_model(ID, folder)
    monkeypatch.setattr("converters.hub.download.free_disk", lambda where: 700_000)
    with pytest.raises(NotEnoughDisk):
        fetch(hub, ID, choose=all_files)
    assert server.asked("/resolve/") == []
    monkeypatch.setattr("converters.hub.download.free_disk", lambda where: 900_000)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_disk_that_fills_up_on_the_way(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    full = hub.cache() / "models--acme--tiny" / "blobs" / f"{model.files[LARGE].sha256}.incomplete"
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")
    with pytest.raises(NotEnoughDisk):
        fetch(hub, ID, choose=all_files)
    full.unlink()
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_file_that_is_too_large_for_http_is_the_librarys(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_model(ID, folder)
    monkeypatch.setattr("converters.hub.download.LARGEST_OVER_HTTP", 400_000)
    server.order(LARGE, BadBytes())
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    agents = [seen.headers["user-agent"] for seen in server.asked(f"/lfs/{_digest(server, LARGE)}", method="GET")]
    assert len(agents) == 2


def test_a_choice_that_the_model_does_not_have(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    with pytest.raises(SourceUnavailable, match=r"has no file 'model-Q4_K_M\.gguf'"):
        fetch(hub, ID, choose=lambda names: ("model-Q4_K_M.gguf",))


@pytest.mark.parametrize("name", ["../../outside.json", "/etc/outside.json", "a/../b.json", "a\\b.json", ""])
def test_a_hub_that_names_files_outside_of_the_model(hub: Hub, server: HubServer, folder: Path, name: str) -> None:
    server.add_model(ID, folder, extra_names=[name])
    with pytest.raises(SourceUnavailable, match="does not answer as a hub does"):
        fetch(hub, ID, choose=all_files)


def test_a_mirror_that_names_no_hashes_is_not_believed(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder, no_hashes=True)
    with pytest.raises(SourceUnavailable, match="does not answer as a hub does"):
        fetch(hub, ID, choose=all_files)


def _digest(server: HubServer, name: str) -> str:
    return server.models[ID][0].files[name].sha256


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.resolve().write_bytes(content)
