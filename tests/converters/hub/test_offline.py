"""Without a network the cache is used, whole and checked; with `offline` no socket is so much as made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from converters.hub.access import Hub
from converters.hub.fetch import fetch
from converters.hub.listing import list_files
from converters.hub.ranges import read_range
from converters.hub.search import search
from modelyard.errors import SourceUnavailable
from tests.converters.hub.conftest import ID
from tests.converters.hub.everything import LARGE, all_files, same_files
from tests.hub_server import HubServer, Status

ROOT = Path(__file__).resolve().parents[3]
_NO_SOCKETS = """
import socket

class Refused(socket.socket):
    def __init__(self, *_args, **_options):
        raise SystemExit("a socket was opened")

def refuse(*_args, **_options):
    raise SystemExit("a socket was opened")

socket.socket, socket.create_connection, socket.getaddrinfo = Refused, refuse, refuse

from pathlib import Path
from converters.hub.access import Hub
from converters.hub.fetch import fetch
from converters.hub.listing import list_files
from converters.hub.ranges import read_range
from converters.hub.search import search
from modelyard.errors import SourceUnavailable

hub = Hub(("{url}",), Path("{cache}"), offline={offline})
fetched = fetch(hub, "{id}", choose=lambda names: tuple(sorted(names)))
listing = list_files(hub, "{id}")
read_range(hub, "{id}", "config.json", 0, 4, commit=listing.commit)
for refused in (
    lambda: search(hub, "tiny"),
    lambda: fetch(hub, "acme/never-was", choose=tuple),
    lambda: read_range(hub, "{id}", "not-there", 0, 4, commit=listing.commit),
):
    try:
        refused()
    except SourceUnavailable as error:
        assert "offline mode" in error.message, error
    else:
        raise SystemExit("not refused")
print(fetched.folder)
"""


@pytest.mark.parametrize("how", ["the setting", "the library's variable"])
def test_offline_opens_no_socket(
    hub: Hub, server: HubServer, folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    server.forget()
    program = _NO_SOCKETS.format(url=server.url, cache=hub.cache(), id=ID, offline=how == "the setting")
    if how != "the setting":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert same_files(Path(done.stdout.strip()), folder)
    assert server.seen == []


def test_without_it_the_same_program_would(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    program = _NO_SOCKETS.format(url=server.url, cache=hub.cache(), id=ID, offline=False)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "a socket was opened" in done.stderr


def test_a_hub_that_is_away_leaves_the_cache(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    first = fetch(hub, ID, choose=all_files)
    server.order("/api", *[Status(503)] * 10)
    assert fetch(hub, ID, choose=all_files) == first
    assert fetch(replace(hub, endpoints=("http://127.0.0.1:9",)), ID, choose=all_files) == first


def test_a_refusal_is_not_covered_up_by_the_cache(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    model.private = True
    with pytest.raises(SourceUnavailable, match="no such model"):
        fetch(hub, ID, choose=all_files)


def test_a_part_of_a_model_is_not_the_model(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    fetch(hub, ID, choose=lambda names: ("config.json",))
    offline = replace(hub, offline=True)
    assert fetch(offline, ID, choose=lambda names: ("config.json",)).files == ("config.json",)
    with pytest.raises(SourceUnavailable, match=f"only in part: {LARGE}, .* are missing, and offline mode is on"):
        fetch(offline, ID, choose=all_files)


def test_a_newer_commit_that_came_only_in_part_does_not_hide_the_older(
    hub: Hub, server: HubServer, folder: Path, tmp_path: Path
) -> None:
    server.add_model(ID, folder)
    older = fetch(hub, ID, choose=all_files)
    newer = Path(shutil.copytree(folder, tmp_path / "newer"))
    (newer / LARGE).write_bytes(b"new" * 1000)
    server.models[ID].clear()
    server.add_model(ID, newer)
    server.order(LARGE, *[Status(503)] * 10)
    assert fetch(hub, ID, choose=all_files) == older
    assert fetch(replace(hub, offline=True), ID, choose=all_files) == older


def test_a_damaged_blob_is_found_offline_too(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    fetched = fetch(hub, ID, choose=all_files)
    (fetched.folder / LARGE).resolve().write_bytes(b"something else")
    offline = replace(hub, offline=True)
    with pytest.raises(SourceUnavailable, match=f"{LARGE} of {ID} was damaged in the cache"):
        fetch(offline, ID, choose=all_files)
    assert not (fetched.folder / LARGE).is_symlink()
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_what_the_library_fetched_alone_is_used(hub: Hub, server: HubServer, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    server.add_model(ID, folder)
    snapshot_download(ID, endpoint=server.url, cache_dir=hub.cache())
    offline = replace(hub, offline=True)
    assert same_files(fetch(offline, ID, choose=all_files).folder, folder)
    listing = list_files(offline, ID)
    assert {file.name: file.size for file in listing.files} == {
        path.name: path.stat().st_size for path in folder.iterdir()
    }
    (hub.cache() / "models--acme--tiny" / "snapshots" / listing.commit / LARGE).resolve().write_bytes(b"x")
    with pytest.raises(SourceUnavailable, match="was damaged"):
        fetch(offline, ID, choose=all_files)


@pytest.mark.parametrize("content", ["", "{}", "[[1, 2, 3]]", '[["../x", 1, null]]', "[[]]", "\0", "["])
def test_a_damaged_record_is_passed_over(hub: Hub, server: HubServer, folder: Path, content: str) -> None:
    model = server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    record = hub.cache() / "models--acme--tiny" / ".modelyard" / "listings" / f"{model.commit}.json"
    assert record.exists()
    record.write_text(content)
    assert same_files(fetch(replace(hub, offline=True), ID, choose=all_files).folder, folder)


def test_a_cache_that_cannot_be_written_is_read(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    fetched = fetch(hub, ID, choose=all_files)
    notes = hub.cache() / "models--acme--tiny" / ".modelyard" / "verified"
    shutil.rmtree(notes)
    notes.write_text("no folder, as one on a medium that is read only cannot be made")
    assert fetch(replace(hub, offline=True), ID, choose=all_files) == fetched


@pytest.mark.parametrize("revision", ["../../outside", "/etc/passwd", "..", "v1"])
def test_a_revision_that_is_no_branch(hub: Hub, server: HubServer, folder: Path, revision: str) -> None:
    server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    with pytest.raises(SourceUnavailable, match="offline mode is on"):
        fetch(replace(hub, offline=True), ID, revision=revision, choose=all_files)


def test_nothing_is_searched_or_read_without_a_network(hub: Hub) -> None:
    offline = replace(hub, offline=True)
    with pytest.raises(SourceUnavailable, match="offline"):
        search(offline, "tiny")
    with pytest.raises(SourceUnavailable, match="offline"):
        read_range(offline, ID, LARGE, 0, 8, commit="0" * 40)
