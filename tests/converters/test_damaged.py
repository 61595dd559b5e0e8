"""Sources that are damaged, and machines without room: one named error each, and the repository as it was."""

from __future__ import annotations

import json
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard import errors
from modelyard.entry import staging_root
from tests.converters.checkpoints import edit_json, write_checkpoint
from tests.converters.conftest import plan_for
from tests.modelyard.cli.running import ROOT, clean_environment, refused, run


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one entry in it, which nothing here may change."""
    made = tmp_path_factory.mktemp("damaged") / "repository"
    (made / "there" / "1").mkdir(parents=True)
    (made / "there" / "config.pbtxt").write_text('backend: "openvino_genai"')
    return made


@pytest.fixture(autouse=True)
def _the_repository_is_as_it_was(repository: Path) -> object:
    before = sorted(repository.rglob("*"))
    yield
    assert sorted(repository.rglob("*")) == before
    left = [path for path in staging_root(repository).glob("*") if path.is_dir() and path.name not in ("usage",)]
    assert left == []


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "spoiled"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_flipped_header_is_named_or_harmless(
    changes: list[tuple[int, int]], checkpoint: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path_factory.mktemp("flipped") / "model"))
    content = bytearray((folder / "model.safetensors").read_bytes())
    for place, value in changes:
        content[place] = value
    (folder / "model.safetensors").write_bytes(content)
    named = ""
    try:
        plan_for(folder, repository)
    except errors.ModelyardError as error:
        named = str(error)
    assert not named or "safetensors" in named


def test_weights_that_are_noise_are_found_by_the_measurement(copy: Path, repository: Path) -> None:
    weights = copy / "model.safetensors"
    content = weights.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    noise = b"\xff" * (len(content) - start)  # not a number, as 32-bit floats
    weights.write_bytes(content[:start] + noise)
    shown = run("convert", str(copy), repository=repository)
    refused(shown, 5, "gives no numbers")


def test_a_tensor_that_the_architecture_has_not(copy: Path, repository: Path) -> None:
    edit_json(copy / "config.json", hidden_size=128)
    refused(run("convert", str(copy), repository=repository), 5, "Qwen2ForCausalLM")


def test_the_tokenizer_of_another_model(copy: Path, repository: Path) -> None:
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] |= {f"<{number}>": number for number in range(400, 900)}
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused(run("convert", str(copy), repository=repository), 2, "tokens up to number 899", "another model")


@pytest.mark.parametrize("seed", range(6))
def test_a_tokenizer_with_flipped_bytes(seed: int, copy: Path, repository: Path) -> None:
    content = bytearray((copy / "tokenizer.json").read_bytes())
    chance = random.Random(seed)
    for _ in range(40):
        content[chance.randrange(len(content))] = chance.randrange(256)
    (copy / "tokenizer.json").write_bytes(content)
    with pytest.raises(errors.TokenizerMissing, match=r"tokenizer\.json cannot be read"):
        plan_for(copy, repository)


def _limited(what: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (most, most))


def _convert(folder: Path, repository: Path, limit: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "modelyard", "convert", str(folder), "--precision", "fp16"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(repository, {}),
        preexec_fn=limit,
        timeout=240,
        check=False,
    )


def test_a_disk_without_room(repository: Path, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "wide", hidden_size=256, intermediate_size=1024)
    # The kernel refuses to let a file grow above this, as it does when a disk is full.
    shown = _convert(folder, repository, _limited(resource.RLIMIT_FSIZE, 1_000_000))
    refused(shown, 4, "could not be written", "GiB free")


def test_a_machine_without_memory(checkpoint: Path, repository: Path) -> None:
    shown = _convert(checkpoint, repository, _limited(resource.RLIMIT_AS, 1_200_000_000))
    refused(shown, 4, "memory")
