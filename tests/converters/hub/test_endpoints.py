"""Several hubs in order, what each refusal is called, and where the token goes."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from converters.hub.access import Hub
from converters.hub.fetch import fetch
from converters.hub.listing import list_files
from modelyard.errors import InvalidInput, SourceUnavailable
from tests.converters.hub.conftest import ID, IMPATIENT, point_library_at
from tests.converters.hub.everything import LARGE, all_files, same_files
from tests.hub_server import BadBytes, Cut, HubServer, Stall, Status

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens, and nobody will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def both(server: HubServer, mirror: HubServer, hub: Hub) -> Hub:
    return replace(hub, endpoints=(server.url, mirror.url))


def test_the_first_that_has_it_is_taken(both: Hub, server: HubServer, mirror: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    mirror.add_model(ID, folder)
    assert same_files(fetch(both, ID, choose=all_files).folder, folder)
    assert mirror.seen == []


def test_one_that_cannot_be_reached_is_passed_over(hub: Hub, server: HubServer, folder: Path, nobody: str) -> None:
    server.add_model(ID, folder)
    away = replace(hub, endpoints=(nobody, server.url))
    assert same_files(fetch(away, ID, choose=all_files).folder, folder)


@pytest.mark.parametrize(
    "faults", [[Status(503)] * 3, [Status(500)] * 3, [Stall(0)] * 3, [Cut(0)] * 3], ids=["503", "500", "stall", "cut"]
)
def test_one_that_fails_is_passed_over(
    both: Hub, server: HubServer, mirror: HubServer, folder: Path, faults: list[Status]
) -> None:
    server.add_model(ID, folder)
    mirror.add_model(ID, folder)
    server.order("/api", *faults)
    assert same_files(fetch(both, ID, choose=all_files).folder, folder)
    assert server.asked("/resolve/") == []


def test_one_that_lacks_the_model_is_passed_over(both: Hub, mirror: HubServer, folder: Path) -> None:
    mirror.add_model(ID, folder)
    assert same_files(fetch(both, ID, choose=all_files).folder, folder)


def test_one_that_fails_in_the_middle_is_gone_on_from(
    both: Hub, server: HubServer, mirror: HubServer, folder: Path
) -> None:
    model = server.add_model(ID, folder)
    mirror.add_model(ID, folder)
    server.order(LARGE, Cut(200_000), *[Cut(0)] * 10)
    assert same_files(fetch(both, ID, choose=all_files).folder, folder)
    assert mirror.bytes_asked_for(model.files[LARGE].sha256) == ["bytes=200000-"]


def test_one_with_wrong_bytes_is_passed_over(both: Hub, server: HubServer, mirror: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    mirror.add_model(ID, folder)
    server.order(LARGE, BadBytes(), BadBytes())
    assert same_files(fetch(both, ID, choose=all_files).folder, folder)


def test_a_refusal_is_said_once_all_were_tried(
    both: Hub, server: HubServer, mirror: HubServer, folder: Path, tmp_path: Path
) -> None:
    server.add_model(ID, folder, gated=True, token=TOKEN)
    with pytest.raises(SourceUnavailable, match=r"licence of acme/tiny must be accepted .*also tried .*no such model"):
        fetch(both, ID, choose=all_files)
    mirror.add_model(ID, folder)
    assert same_files(fetch(both, ID, choose=all_files).folder, folder)


@pytest.mark.parametrize("between", [",", "/ , "])
def test_several_of_them_in_the_librarys_own_variable(
    hub: Hub, server: HubServer, folder: Path, nobody: str, between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_model(ID, folder)
    monkeypatch.setenv("HF_ENDPOINT", f"{nobody}{between}{server.url}/")
    program = f"""
from pathlib import Path
from converters.hub.access import Hub
from converters.hub.fetch import fetch
print(fetch(Hub(cache_dir=Path({str(hub.cache())!r})), {ID!r}, choose=tuple).folder)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert same_files(Path(done.stdout.strip()), folder)


def test_a_variable_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    point_library_at("", monkeypatch)
    with pytest.raises(InvalidInput, match="no hub is named"):
        Hub().addresses()


@pytest.mark.parametrize("endpoint", ["hub.example.org", "ftp://hub.example.org", "https://", "https://hub:port"])
def test_an_address_that_is_none(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="not an address of a hub"):
        Hub((endpoint,)).addresses()


def test_an_address_with_a_password_is_not_repeated() -> None:
    with pytest.raises(InvalidInput) as refused:
        Hub(("https://me:hunter2@hub.example.org",)).addresses()
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


# What each refusal is called


def test_a_gated_model(hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add_model(ID, folder, gated=True, token=TOKEN)
    server.add_model("acme/other", folder, gated=True, token="hf_other")
    for token in (None, "hf_other"):
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(SourceUnavailable, match="licence of acme/tiny must be accepted") as refused:
            fetch(hub, ID, choose=all_files)
        assert f"{server.url}/{ID}" in refused.value.hint
        assert "HF_TOKEN" in refused.value.hint
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_private_model_and_one_that_is_not_there(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_model(ID, folder, private=True, token=TOKEN)
    for model in (ID, "acme/never-was"):
        with pytest.raises(SourceUnavailable, match="no such model, or it is private") as refused:
            fetch(hub, model, choose=all_files)
        assert "HF_TOKEN" in refused.value.hint
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_stored_token(hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    server.add_model(ID, folder, private=True, token=TOKEN)
    Path(constants.HF_TOKEN_PATH).write_text(TOKEN)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_token_that_is_not_valid(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.add_model(ID, folder)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with caplog.at_level(logging.DEBUG), pytest.raises(SourceUnavailable, match="does not accept the token") as refused:
        fetch(hub, ID, choose=all_files)
    assert "hf auth logout" in refused.value.hint
    assert TOKEN not in f"{refused.value} {refused.value.hint} {caplog.text}"


def test_a_revision_that_is_not_there(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    with pytest.raises(SourceUnavailable, match="has no revision 'v9'"):
        fetch(hub, ID, revision="v9", choose=all_files)


def test_something_that_is_no_hub(hub: Hub, server: HubServer) -> None:
    elsewhere = replace(hub, endpoints=(f"{server.url}/some/page",))
    with pytest.raises(SourceUnavailable, match=r"has no model|does not answer as a hub does"):
        fetch(elsewhere, ID, choose=all_files)


@pytest.mark.parametrize("model", ["a/b/c", "-bad", "a--b/c", "two words", ""])
def test_what_is_no_id(hub: Hub, server: HubServer, model: str) -> None:
    with pytest.raises(SourceUnavailable, match="neither a folder nor a hub id"):
        fetch(hub, model, choose=all_files)
    assert server.seen == []


# Where the token goes


def test_the_token_follows_no_redirect_to_another_host(
    both: Hub, server: HubServer, mirror: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.add_model(ID, folder, gated=True, token=TOKEN)
    server.add_model("acme/other", folder, token=TOKEN)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    server.order(LARGE, Cut(100_000))
    fetch(both, ID, choose=all_files)
    monkeypatch.setattr("converters.hub.download.LARGEST_OVER_HTTP", 0)  # the library's own way
    fetch(replace(both, cache_dir=both.cache() / "again"), ID, choose=all_files)
    hubs = [seen for running in (server, mirror) for seen in running.seen if seen.port == running.port]
    others = [seen for running in (server, mirror) for seen in running.seen if seen.port == running.files_port]
    assert {seen.headers.get("authorization") for seen in hubs} == {f"Bearer {TOKEN}"}
    assert len(others) >= 4
    assert not any("authorization" in seen.headers or TOKEN in str(seen) for seen in others)


def test_nobody_but_the_endpoint_is_asked(
    hub: Hub, server: HubServer, mirror: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants
    from huggingface_hub.utils import _detect_agent

    point_library_at(mirror.url, monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(hub.cache() / "harnesses.json"))
    monkeypatch.setattr(_detect_agent, "_registry", None)
    server.add_model(ID, folder)
    fetch(hub, ID, choose=all_files)
    assert mirror.seen == []
    assert server.asked("/api/agent") == []


def test_patience_is_the_same_for_all(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    server.order("/api", *[Status(503)] * 10)
    with pytest.raises(SourceUnavailable, match="HTTP 503"):
        list_files(hub, ID)
    assert len(server.seen) == IMPATIENT.attempts
