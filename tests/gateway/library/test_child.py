"""The command that fetches, in its own process, against a hub: what goes wrong comes back as the same error, and
neither a failure nor a cancellation leaves anything."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.domain.library import JobProgress
from gateway.library import child
from gateway.library.wishes import Wish
from modelyard.entry import entries_in, staging_root
from modelyard.errors import BadCheckpoint, ConversionFailed, EnvironmentMissing, SourceUnavailable
from modelyard.settings import Settings
from tests.hub_server import HubServer, Slow, settings_for

WISH = Wish("acme/tiny", "tiny")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """A model whose weights are no weights, and one that nobody may have."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\0" * 500_000)
    with HubServer() as running:
        running.add_model("acme/tiny", folder)
        running.add_model("acme/gated", folder, gated=True)
        yield running


@pytest.fixture
def settings(hub: HubServer, tmp_path: Path) -> Settings:
    return settings_for(hub, tmp_path, convert_python=Path(sys.executable))


def nothing_came(settings: Settings) -> bool:
    staging = staging_root(settings.model_repository)
    return not entries_in(settings.model_repository) and not list(staging.glob("*+*"))


@pytest.mark.parametrize(
    ("wish", "kind", "words"),
    [
        (Wish("acme/none", "none"), SourceUnavailable, "no such model"),
        (Wish("acme/gated", "gated"), SourceUnavailable, "licence of acme/gated must be accepted"),
        (Wish("acme/tiny", "tiny", (("revision", "v9"),)), SourceUnavailable, "no revision 'v9'"),
        (WISH, BadCheckpoint, "weights"),
        (Wish("acme/tiny", "tiny", (("precision", "int3"),)), ConversionFailed, "ended unexpectedly"),
    ],
    ids=["missing", "gated", "revision", "damaged", "misuse"],
)
async def test_what_goes_wrong_is_the_same_error_here(
    settings: Settings, wish: Wish, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await child.pull(settings, wish, lambda progress: None)
    assert nothing_came(settings)


async def test_progress_comes_as_it_goes_and_a_cancelled_pull_leaves_nothing(
    settings: Settings, hub: HubServer, tmp_path: Path
) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}')
    (folder / "tokenizer.json").write_text("{}")
    header = b'{"w": {"dtype": "F32", "shape": [124750], "data_offsets": [0, 499000]}}'.ljust(992)
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 499_000)
    hub.add_model("acme/whole", folder)
    # The header is asked for twice before the file is.
    hub.order("model.safetensors", *[Slow(0.2, piece=10_000)] * 3)
    told: list[JobProgress] = []
    some_came = asyncio.Event()

    def tell(progress: JobProgress) -> None:
        told.append(progress)
        if progress.file == "model.safetensors" and progress.done:
            some_came.set()

    pulling = asyncio.create_task(child.pull(settings, Wish("acme/whole", "whole"), tell))
    await asyncio.wait_for(some_came.wait(), 60)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    assert told[0] == JobProgress("fetching acme/whole from the hub")
    assert {each.total for each in told if each.file == "model.safetensors"} == {500_000}
    assert all(0 <= each.done <= 500_000 for each in told if each.done is not None)
    assert nothing_came(settings)
    assert not _processes_with(str(settings.model_repository))


async def test_an_environment_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing):
        await child.pull(settings.model_copy(update={"convert_python": tmp_path / "python"}), WISH, lambda _: None)


async def test_the_gateways_key_is_not_handed_on(settings: Settings, tmp_path: Path) -> None:
    spy = tmp_path / "python"
    seen = tmp_path / "seen"
    spy.write_text(f'#!/bin/sh\n(env; pwd) > "{seen}"; echo "no JSON"; echo "[1]"; exit 9\n')
    spy.chmod(0o755)
    os.environ["MODELYARD_API_KEY"] = "hidden-key"
    try:
        private = settings.model_copy(update={"convert_python": spy, "api_key": SecretStr("hidden-key")})
        with pytest.raises(ConversionFailed, match="code 9"):
            await child.pull(private, WISH, lambda _: None)
    finally:
        del os.environ["MODELYARD_API_KEY"]
    said = seen.read_text()
    assert "hidden-key" not in said
    assert f"MODELYARD_HUB_ENDPOINTS={settings.hub_endpoints[0]}" in said
    # In a folder of its own it finds the engines all the same: without them it would be made for others.
    assert f"MODELYARD_ENGINE_PYTHON={settings.engine_python.absolute()}\n" in said
    assert said.splitlines()[-1] != str(Path.cwd())


def _processes_with(words: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in line:
            found.append(line)
    return found
