"""A model of the hub is looked at before it is fetched: what cannot be done is refused while nothing has come."""

from __future__ import annotations

import inspect
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from converters.source import Checkpoint, open_checkpoint
from modelyard import errors
from modelyard.cli import convert as converting
from modelyard.cli.conversion_options import Order
from modelyard.cli.first_look import FirstLook
from modelyard.cli.progress_lines import ProgressLines
from modelyard.entry import entries_in
from modelyard.settings import Settings
from tests.converters.checkpoints import edit_json, write_checkpoint
from tests.hub_server import HubServer, settings_for
from tests.modelyard.cli.running import ROOT, clean_environment, refused

# The command line on a host with as much memory as the first argument says.
_SMALL_HOST = """
import sys
from modelyard import host
memory = int(sys.argv.pop(1))
host.free_memory = lambda: memory
sys.argv[0] = "modelyard"
from modelyard.cli.main import run
run()
"""
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", hidden_size=256, vocab_size=4096)


@pytest.fixture
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with HubServer() as running:
        running.add_model("acme/tiny", folder)
        yield running


@pytest.fixture
def settings(hub: HubServer, tmp_path: Path) -> Settings:
    return settings_for(hub, tmp_path)


def looked_at(settings: Settings, order: Order) -> tuple[Checkpoint, list[str]]:
    """What `pull` opens, with what it told of it before."""
    lines = io.StringIO()
    already = partial(converting._already, settings.model_repository, order)
    look = FirstLook(settings, order, ProgressLines(lines), already)
    checkpoint = open_checkpoint(order.source, settings=settings, look=look.before_fetching)
    return checkpoint, [json.loads(line)["note"] for line in lines.getvalue().splitlines()]


def only_the_header_was_read(hub: HubServer, folder: Path) -> bool:
    """Of every weight file together less than a tenth, and each time a part."""
    asked = [seen.headers.get("range", "") for seen in hub.asked(WEIGHTS, method="GET")]
    parts = [tuple(map(int, text.removeprefix("bytes=").split("-"))) for text in asked if text]
    size = (folder / WEIGHTS).stat().st_size
    return 0 < len(parts) == len(asked) and sum(end - start + 1 for start, end in parts) < size / 10


def test_memory_that_is_not_there_is_said_with_the_figures_before_anything_comes(
    hub: HubServer, folder: Path, tmp_path: Path
) -> None:
    environment = {"MODELYARD_HUB_ENDPOINTS": hub.url, "MODELYARD_CACHE_DIR": str(tmp_path / "cache")}
    shown = subprocess.run(
        [sys.executable, "-c", _SMALL_HOST, str(2**28), "pull", "acme/tiny"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(tmp_path / "repository", environment),
        timeout=240,
        check=False,
    )
    refused(shown, 4, "this conversion needs about", "0.2 GiB are free", "--target triton-llamacpp")
    before, _, _ = shown.stderr.partition("error: ")
    for figure in ("to fetch: ", "parameters: ", "on disk: ", "disk to convert: ", "memory to convert: about "):
        assert figure in before
    assert only_the_header_was_read(hub, folder)
    assert list((tmp_path / "cache").rglob(WEIGHTS)) == []
    assert entries_in(tmp_path / "repository") == []


def test_room_for_the_download_is_room_that_the_conversion_lacks(
    hub: HubServer, settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Order(source="acme/tiny", name="tiny", precision="fp16")
    size = (folder / WEIGHTS).stat().st_size  # 32 bits
    enough = int(1.35 * size) + 66 * 2**20  # for the entry or for the download
    monkeypatch.setattr("modelyard.host.free_disk", lambda _: enough)
    with pytest.raises(errors.NotEnoughDisk, match="of free disk") as lacking:
        looked_at(settings, order)
    assert "--precision int8 (about" in lacking.value.hint
    assert only_the_header_was_read(hub, folder)
    monkeypatch.setattr("modelyard.host.same_disk", lambda one, other: False)
    assert looked_at(settings, order)[0].folder.is_dir()


def test_what_cannot_be_converted_is_refused_too(
    hub: HubServer, settings: Settings, folder: Path, tmp_path: Path
) -> None:
    strange = Path(shutil.copytree(folder, tmp_path / "strange"))
    edit_json(strange / "config.json", model_type="wibble", architectures=["WibbleForCausalLM"])
    hub.add_model("acme/strange", strange)
    with pytest.raises(errors.UnknownArchitecture, match="WibbleForCausalLM"):
        looked_at(settings, Order(source="acme/strange", name="strange"))
    # No adapter at all, as its header says.
    with pytest.raises(errors.BadAdapter, match="no LoRA matrices"):
        looked_at(settings, Order(source="acme/tiny", name="tiny", lora={"odd": f"acme/tiny:{WEIGHTS}"}))
    taken = settings.model_repository / "tiny"
    taken.mkdir(parents=True)
    (taken / "config.pbtxt").write_text('name: "tiny"\n')
    with pytest.raises(errors.EntryExists):
        looked_at(settings, Order(source="acme/tiny", name="tiny"))
    assert only_the_header_was_read(hub, folder)


def test_what_is_here_is_not_looked_at_again(hub: HubServer, settings: Settings) -> None:
    order = Order(source="acme/tiny", name="tiny")
    assert any(note.startswith("to fetch: ") for note in looked_at(settings, order)[1])
    hub.forget()
    assert looked_at(settings, order)[1] == []
    assert hub.asked(WEIGHTS, method="GET") == []


def test_pull_takes_what_convert_takes() -> None:
    here, there = (set(inspect.signature(command).parameters) for command in (converting.convert, converting.pull))
    assert here - there == {"update"}
