"""`modelyard plan`, of folders and of a hub that tells how little of it was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from modelyard.cli import plan as planning
from modelyard.errors import HostProblem, NotEnoughMemory, SourceUnavailable
from tests.converters.checkpoints import write_checkpoint
from tests.converters.gguf_files import write_gguf
from tests.converters.stand_ins import write_stand_in
from tests.hub_server import HubServer

app = typer.Typer()
app.command()(planning.plan)


def run(*arguments: str | Path, tmp_path: Path) -> str:
    words = [*map(str, arguments), "--repository", str(tmp_path / "repository")]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    from huggingface_hub import constants

    with HubServer() as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("MODELYARD_HUB_ENDPOINTS", running.url)
        monkeypatch.setenv("MODELYARD_CACHE_DIR", str(tmp_path / "cache"))
        yield running


def test_every_figure_is_there_for_people(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "tiny")
    shown = run(folder, tmp_path=tmp_path)
    for name in ("parameters", "on disk", "memory to convert", "memory to serve", "speed", "precision", "served by"):
        assert f"  {name}" in shown
    assert "are free" in shown


def test_and_for_machines(tmp_path: Path) -> None:
    shown = json.loads(run(write_stand_in(tmp_path / "large"), "--json", "--context", "1024", tmp_path=tmp_path))
    assert shown["serving"]["context"] == 1024
    assert shown["fits"] == (shown["problems"] == [])
    assert shown["parameters"] > 6e9
    assert not (tmp_path / "repository").exists()


def test_what_does_not_fit_is_refused_after_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_stand_in(tmp_path / "large")
    monkeypatch.setattr("modelyard.host.free_memory", lambda: 5 * 2**30)
    with pytest.raises(NotEnoughMemory, match=r"5\.0 GiB are free") as refused:
        run(folder, "--context", "4096", tmp_path=tmp_path)
    assert "--context" in refused.value.hint
    monkeypatch.setattr("modelyard.host.free_memory", lambda: 2**28)
    with pytest.raises(HostProblem, match="2 reasons"):
        run(folder, tmp_path=tmp_path)


def test_of_a_model_on_the_hub_no_weights_are_fetched(tmp_path: Path, server: HubServer) -> None:
    folder = write_checkpoint(tmp_path / "tiny", hidden_size=256, vocab_size=4096)
    server.add_model("acme/tiny", folder)
    here = json.loads(run(folder, "--json", tmp_path=tmp_path))
    there = json.loads(run("acme/tiny", "--json", tmp_path=tmp_path))
    for name in ("parameters", "source_bytes", "entry_bytes", "memory_needed", "architecture", "task", "precision"):
        assert there[name] == here[name], name
    ranges = [seen.headers.get("range", "") for seen in server.seen if "safetensors" in seen.path]
    assert ranges
    asked = [tuple(map(int, text.removeprefix("bytes=").split("-"))) for text in ranges]
    assert sum(end - start + 1 for start, end in asked) < (folder / "model.safetensors").stat().st_size / 10


def test_a_gguf_file_on_the_hub(tmp_path: Path, server: HubServer) -> None:
    (tmp_path / "model").mkdir()
    file = write_gguf(tmp_path / "model" / "tiny-Q4_0.gguf", "Q4_0")
    write_gguf(tmp_path / "model" / "tiny-Q8_0.gguf", "Q8_0")
    server.add_model("acme/gguf", tmp_path / "model")
    shown = json.loads(run("acme/gguf:Q4_0", "--json", tmp_path=tmp_path))
    assert shown["source_bytes"] == file.stat().st_size
    assert (shown["target"], shown["precision"]) == ("triton-llamacpp", "Q4_0")
    assert shown["memory_needed"] < shown["memory_to_measure"] < 2**30


@pytest.mark.parametrize("source", ["org/absent", "no/such/place", "absent.gguf"])
def test_what_is_nowhere_is_named(source: str, tmp_path: Path, server: HubServer) -> None:
    with pytest.raises(SourceUnavailable):
        run(source, tmp_path=tmp_path)
