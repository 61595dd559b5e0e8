"""`search` prints what the hub has, for people and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.cli.search import search
from modelyard.errors import SourceUnavailable
from tests.hub_server import HubServer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    from huggingface_hub import constants

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.chdir(tmp_path)  # away from anybody's .env and modelyard.toml
    with HubServer() as running:
        running.add_model("acme/tiny-chat", folder, downloads=12345, likes=67)
        running.add_model("other/tiny-embed", folder, task=None, gated=True, token="hf_x")
        monkeypatch.setenv("MODELYARD_HUB_ENDPOINTS", running.url)
        yield running


@pytest.mark.usefixtures("server")
def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    search("tiny")
    headings, first, second = capsys.readouterr().out.splitlines()
    assert headings.split() == ["MODEL", "TASK", "DOWNLOADS", "LIKES", "UPDATED", "LICENCE"]
    assert first.split() == ["acme/tiny-chat", "text-generation", "12345", "67", "2026-01-02", "-"]
    assert second.split() == ["other/tiny-embed", "-", "0", "0", "2026-01-02", "to", "be", "accepted"]


@pytest.mark.usefixtures("server")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    search("tiny", author="acme", as_json=True)
    (found,) = json.loads(capsys.readouterr().out)
    assert found == {
        "id": "acme/tiny-chat",
        "downloads": 12345,
        "likes": 67,
        "task": "text-generation",
        "gated": False,
        "updated": "2026-01-02T03:04:05+00:00",
    }


@pytest.mark.usefixtures("server")
def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    search("unheard of", as_json=True)
    assert json.loads(capsys.readouterr().out) == []
    search("unheard of")
    assert "no model was found" in capsys.readouterr().out


@pytest.mark.usefixtures("server")
def test_offline_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_OFFLINE", "true")
    with pytest.raises(SourceUnavailable, match="offline") as refused:
        search("tiny")
    assert "unset MODELYARD_OFFLINE" in refused.value.hint
    assert "--offline" not in refused.value.hint  # which this command has not


@pytest.mark.usefixtures("server")
def test_where_the_library_is_missing_it_goes_on_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[tuple[Path, list[str]]] = []

    def go_on_in(python: Path, arguments: list[str], *, role: str) -> None:
        handed.append((python, arguments))
        raise SystemExit(0)

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("modelyard.environments.go_on_in", go_on_in)
    monkeypatch.setattr(sys, "argv", ["modelyard", "search", "tiny"])
    monkeypatch.setenv("MODELYARD_CONVERT_PYTHON", "/opt/convert/bin/python")
    with pytest.raises(SystemExit):
        search("tiny")
    assert handed == [(Path("/opt/convert/bin/python"), ["search", "tiny"])]
