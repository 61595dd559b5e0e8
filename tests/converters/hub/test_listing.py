"""What a model consists of, parts of its files, and the search, without fetching a file."""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.hub.access import Hub
from converters.hub.fetch import fetch
from converters.hub.listing import RemoteFile, list_files, listing_of
from converters.hub.ranges import read_range
from converters.hub.search import search
from modelyard.errors import SourceUnavailable
from tests.converters.hub.conftest import ID
from tests.converters.hub.everything import LARGE, all_files
from tests.hub_server import Cut, HubServer, Stall, Status

_COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_names_sizes_and_hashes(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    listing = list_files(hub, ID)
    assert listing.commit == model.commit
    assert listing.names == tuple(sorted(path.name for path in folder.iterdir()))
    assert listing.file(LARGE) == RemoteFile(LARGE, 500_000, model.files[LARGE].sha256)
    small = model.files["config.json"]
    assert listing.file("config.json") == RemoteFile("config.json", small.size, small.git_blob)
    assert listing.file("never-was") is None
    assert not hub.cache().exists()


@pytest.mark.parametrize("most", [0, 1001])
def test_a_model_of_more_files_than_are_named_with_it(hub: Hub, server: HubServer, tmp_path: Path, most: int) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1100):
        (many / f"{number:04}.txt").write_text(str(number))
    server.add_model(ID, many, most_siblings=most)
    assert len(list_files(hub, ID).files) == 1100
    picked = fetch(hub, ID, choose=lambda names: ("1099.txt",))
    assert (picked.folder / "1099.txt").read_text() == "1099"


def test_the_cache_answers_when_the_hub_does_not(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    fetch(hub, ID, choose=lambda names: ("config.json",))
    listing = list_files(hub, ID)
    assert list_files(replace(hub, offline=True), ID) == listing
    assert list_files(replace(hub, endpoints=("http://127.0.0.1:9",)), ID) == listing


@given(st.text(max_size=40), st.one_of(st.none(), st.integers(), st.text(max_size=3)), st.text("0123456789abcdef"))
def test_any_answer_gives_a_safe_listing_or_is_refused(name: str, size: object, digest: str) -> None:
    answer = SimpleNamespace(rfilename=name, size=size, blob_id=digest, lfs=None)
    try:
        (file,) = listing_of(_COMMIT, [answer]).files
    except ValueError:
        return
    path = PurePosixPath("/cache") / file.name
    assert path.parts[:2] == ("/", "cache")
    assert len(path.parts) > 2
    assert ".." not in path.parts
    assert file.size is None or file.size >= 0


@given(st.text(string.hexdigits + "/.", min_size=1, max_size=64))
def test_a_commit_is_forty_digits(commit: str) -> None:
    if len(commit) == 40 and set(commit) <= set("0123456789abcdef"):
        assert listing_of(commit, []).commit == commit
    else:
        with pytest.raises(ValueError, match="no commit"):
            listing_of(commit, [])


def test_a_part_of_a_file(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    content = (folder / LARGE).read_bytes()
    for start, end in ((0, 8), (8, 1000), (499_990, 600_000), (500_000, 500_010), (5, 5)):
        assert read_range(hub, ID, LARGE, start, end, commit=model.commit) == content[start:end]
    assert read_range(hub, ID, "config.json", 1, 5, commit=model.commit) == b'"mod'
    asked = server.bytes_asked_for(model.files[LARGE].sha256)
    assert asked == ["bytes=0-7", "bytes=8-999", "bytes=499990-599999", "bytes=500000-500009"]
    assert not hub.cache().exists()


def test_a_part_of_a_file_that_is_here_is_not_asked_for(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    server.forget()
    assert read_range(hub, ID, LARGE, 10, 20, commit=model.commit) == (folder / LARGE).read_bytes()[10:20]
    assert server.seen == []


def test_a_part_from_a_server_that_knows_no_ranges(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    model = server.add_model(ID, folder)
    monkeypatch.setattr("tests.hub_server.handler._RANGE", re.compile("never"))
    assert read_range(hub, ID, LARGE, 100, 300, commit=model.commit) == (folder / LARGE).read_bytes()[100:300]


def test_a_part_that_does_not_come_at_once(hub: Hub, server: HubServer, folder: Path, mirror: HubServer) -> None:
    model = server.add_model(ID, folder)
    mirror.add_model(ID, folder)
    server.order(LARGE, Cut(3), Status(503))
    content = (folder / LARGE).read_bytes()
    assert read_range(hub, ID, LARGE, 0, 8, commit=model.commit) == content[:8]
    server.order(LARGE, *[Status(503)] * 3)
    both = replace(hub, endpoints=(server.url, mirror.url))
    assert read_range(both, ID, LARGE, 8, 16, commit=model.commit) == content[8:16]
    with pytest.raises(SourceUnavailable, match="has no file 'never-was'"):
        read_range(hub, ID, "never-was", 0, 8, commit=model.commit)
    with pytest.raises(ValueError, match="no range"):
        read_range(hub, ID, LARGE, 8, 0, commit=model.commit)


def test_the_search(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model("acme/tiny-chat", folder, downloads=10, likes=1)
    server.add_model("acme/tiny-embed", folder, downloads=30, likes=3, task="feature-extraction")
    server.add_model("other/Tiny-chat", folder, downloads=20, gated=True, token="hf_x")
    server.add_model("other/hidden-tiny", folder, private=True, token="hf_x")
    found = search(hub, "tiny")
    assert [model.id for model in found] == ["acme/tiny-embed", "other/Tiny-chat", "acme/tiny-chat"]
    assert (found[0].downloads, found[0].likes, found[0].task, found[0].gated) == (30, 3, "feature-extraction", False)
    assert found[0].updated == "2026-01-02T03:04:05+00:00"
    assert found[1].gated
    assert [model.id for model in search(hub, "tiny", author="acme")] == ["acme/tiny-embed", "acme/tiny-chat"]
    assert [model.id for model in search(hub, "tiny", task="feature-extraction")] == ["acme/tiny-embed"]
    assert len(search(hub, "tiny", limit=2)) == 2
    assert search(hub, "nothing like it") == ()


def test_the_search_goes_to_the_next_endpoint(hub: Hub, server: HubServer, mirror: HubServer, folder: Path) -> None:
    mirror.add_model(ID, folder)
    server.order("/api", *[Status(502)] * 3)
    both = replace(hub, endpoints=(server.url, mirror.url))
    assert [model.id for model in search(both, "tiny")] == [ID]


def test_a_server_without_a_search(hub: Hub, server: HubServer) -> None:
    server.order("/api", Status(404))
    with pytest.raises(SourceUnavailable, match="does not answer as a hub does"):
        search(hub, "tiny")


def test_the_search_does_not_wait_for_ever(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from converters.hub import access

    monkeypatch.setattr(access, "Patience", lambda: hub.patience)
    server.add_model(ID, folder)
    server.order("/api", *[Stall(0)] * hub.patience.attempts)
    with pytest.raises(SourceUnavailable, match="does not answer"):
        search(hub, "tiny")


@pytest.mark.parametrize("answer", [[1], {"a": 1}, [{}], "text", None, [{"id": 1, "lastModified": "never"}]])
def test_a_search_of_something_else(
    hub: Hub, server: HubServer, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.hub_server.handler.Handler._search", lambda self, query: self._json(200, answer))
    with pytest.raises(SourceUnavailable, match="does not answer as a hub does"):
        search(hub, "tiny")
