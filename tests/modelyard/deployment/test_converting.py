"""The converter's container: what it is given, and what is read of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.deployment import converting
from modelyard.deployment.home import Home
from modelyard.error_records import to_record
from modelyard.errors import ConversionFailed, NotEnoughMemory
from tests.modelyard.deployment.test_steps import Heard


class Engine:
    """Docker's SDK as far as it is called: one container with a log and an exit status."""

    def __init__(self, *lines: str, status: int = 0) -> None:
        self.containers = self
        self.lines, self.status = lines, status
        self.given: dict[str, Any] = {}
        self.secret = ""
        self.removed = False

    def run(self, image: str, command: list[str], **given: Any) -> Engine:
        self.given = {"image": image, "command": command, **given}
        for place, mount in given["volumes"].items():
            if mount["bind"] == "/run/secrets/hub_token":
                self.secret = Path(place).read_text()
        return self

    def logs(self, **_: Any) -> Any:
        text = "".join(f"{line}\n" for line in self.lines).encode()
        return (text[start : start + 7] for start in range(0, len(text), 7))  # pieces end anywhere

    def wait(self) -> dict[str, int]:
        return {"StatusCode": self.status}

    def remove(self, *, force: bool) -> None:
        self.removed = force


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HF_TOKEN", *converting._HANDED_ON):
        monkeypatch.delenv(name, raising=False)


def convert(engine: Engine, home: Home, heard: Heard | None = None, source: Any = None) -> None:
    home.make()
    converting.convert_in_container(
        engine,  # type: ignore[arg-type]
        "modelyard/converter:1.0",
        ["convert", "org/a"],
        home=home,
        source=source,
        user=(1000, 100),
        project="mine",
        told=heard or Heard(),
    )


def test_it_writes_to_the_models_only_and_has_no_rights(home: Home, tmp_path: Path) -> None:
    engine = Engine()
    convert(engine, home, source=(tmp_path / "checkpoint", "/source/checkpoint"))
    assert engine.given["volumes"] == {
        str(home.data): {"bind": "/data", "mode": "rw"},
        str(home.cache): {"bind": "/cache", "mode": "rw"},
        str(tmp_path / "checkpoint"): {"bind": "/source/checkpoint", "mode": "ro"},
    }
    assert engine.given["user"] == "1000:100"
    assert engine.given["read_only"] is True
    assert engine.given["cap_drop"] == ["ALL"]
    assert engine.given["security_opt"] == ["no-new-privileges:true"]
    assert engine.given["environment"]["MODELYARD_MODEL_REPOSITORY"] == "/data/models"
    assert engine.removed


def test_the_token_of_the_hub_is_a_file_for_as_long_as_it_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    engine = Engine()
    convert(engine, home)
    assert engine.secret == "hf_secret"
    assert "hf_secret" not in json.dumps(engine.given)
    assert engine.given["environment"]["HF_TOKEN_PATH"] == "/run/secrets/hub_token"
    assert list(home.secrets.iterdir()) == []


def test_proxies_mirrors_and_certificates_go_along(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    engine = Engine()
    convert(engine, home)
    given = engine.given["environment"]
    assert given["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert given["HF_ENDPOINT"] == "https://mirror.example"
    assert engine.given["volumes"][str(bundle)] == {"bind": given["SSL_CERT_FILE"], "mode": "ro"}


def test_its_progress_is_told_of(home: Home) -> None:
    heard = Heard()
    lines = [
        {"step": "exporting to OpenVINO"},
        {"note": "int8: below 1 B parameters"},
        {"file": "model.safetensors", "done": 0, "total": 4_000_000},
        {"file": "model.safetensors", "done": 2_000_000, "total": 4_000_000},
        {"result": {"name": "a", "already": False}},
    ]
    convert(Engine(*map(json.dumps, lines), "a line that is no progress"), home, heard)
    assert heard.steps == ["exporting to OpenVINO", "fetching model.safetensors (4 MB)"]
    assert heard.notes == ["int8: below 1 B parameters"]


def test_what_went_wrong_inside_is_the_same_error_outside(home: Home) -> None:
    error = NotEnoughMemory("the conversion", 8 * 2**30, 2**30)
    engine = Engine("warming up", json.dumps({"error": to_record(error)}), "error: again for people", status=4)
    with pytest.raises(NotEnoughMemory) as raised:
        convert(engine, home)
    assert (raised.value.message, raised.value.hint) == (error.message, error.hint)
    assert engine.removed


def test_without_words_of_its_own_the_last_lines_are_shown(home: Home) -> None:
    engine = Engine(*(f"line {number}" for number in range(30)), status=137)
    with pytest.raises(ConversionFailed, match=r"(?s)status 137.*line 29") as raised:
        convert(engine, home)
    assert "line 2\n" not in raised.value.message
