"""Sources that are damaged, and machines without room: one named error each, and the repository as it was."""

from __future__ import annotations

import contextlib
import json
import random
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.convert import convert
from converters.exporters import llamacpp
from converters.gguf import read_header
from modelyard import errors
from modelyard.entry import entry_at, staging_root
from modelyard.gpus import Gpu
from modelyard.settings import Settings
from tests.converters.checkpoints import edit_json, write_checkpoint
from tests.converters.conftest import Convert, carry_out, plan_for
from tests.converters.encoder_checkpoints import write_encoder
from tests.converters.gguf_files import write_gguf
from tests.converters.image_checkpoints import write_pipeline
from tests.converters.speech_checkpoints import write_whisper
from tests.converters.vision_checkpoints import write_vision
from tests.modelyard.catalog.entries import content_of
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


@pytest.mark.parametrize(
    ("write", "weights"),
    [(write_checkpoint, "model.safetensors"), (write_pipeline, "text_encoder/model.safetensors")],
)
def test_a_place_that_became_no_number_is_named(
    write: Callable[[Path], Path], weights: str, repository: Path, tmp_path: Path
) -> None:
    folder = write(tmp_path / "flipped")
    content = (folder / weights).read_bytes()
    # A digit that became an e: such a place is infinitely far away.
    damaged, count = re.subn(rb"(\"data_offsets\":\[\d+,\d)\d(\d{3,}\])", rb"\1e\2", content, count=1)
    assert count == 1
    (folder / weights).write_bytes(damaged)
    refused(run("convert", str(folder), repository=repository), 2, weights, "does not fit together")


def test_weights_that_are_noise_are_found_by_the_measurement(copy: Path, repository: Path) -> None:
    weights = copy / "model.safetensors"
    content = weights.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    noise = b"\xff" * (len(content) - start)  # not a number, as 32-bit floats
    weights.write_bytes(content[:start] + noise)
    shown = run("convert", str(copy), repository=repository)
    refused(shown, 5, "gives no numbers")


def _flip_in_name(weights: Path, name: bytes) -> None:
    """One bit of the first tensor's name that ends in these bytes: everything else of the file is as it should be."""
    content = bytearray(weights.read_bytes())
    content[content.index(name) + len(name) - 1] ^= 1
    weights.write_bytes(content)


def test_a_flipped_bit_in_the_name_of_a_tensor(copy: Path, repository: Path) -> None:
    _flip_in_name(copy / "model.safetensors", b"layers.0.self_attn.v_proj")
    shown = run("convert", str(copy), repository=repository)
    refused(shown, 2, "needs model.layers.0.self_attn.v_proj.", "they have model.layers.0.self_attn.v_prok.")


@pytest.mark.parametrize(
    ("write", "weights", "name"),
    [
        # What a norm starts with is what this one has: no comparison of answers could find it.
        (write_checkpoint, "model.safetensors", "layers.1.input_layernorm"),
        (lambda folder: write_encoder(folder, "bert"), "model.safetensors", "layer.0.attention.self.value"),
        (lambda folder: write_encoder(folder, "roberta", labels=3), "model.safetensors", "classifier.dense"),
        (lambda folder: write_vision(folder, "qwen2_vl"), "model.safetensors", "blocks.0.attn.qkv"),
        (write_whisper, "model.safetensors", "encoder.layers.0.self_attn.v_proj"),
        (write_pipeline, "text_encoder/model.safetensors", "layers.0.self_attn.v_proj"),
    ],
)
def test_a_layer_of_random_numbers_is_not_published(
    write: Callable[[Path], Path], weights: str, name: str, repository: Path, tmp_path: Path
) -> None:
    folder = write(tmp_path / "flipped")
    _flip_in_name(folder / weights, name.encode())
    with pytest.raises(errors.WeightsDamaged, match=name):
        carry_out(folder, repository, precision="fp16")


def test_nor_is_one_of_a_gguf_file(repository: Path, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "flipped.gguf")
    _flip_in_name(file, b"blk.1.ffn_up")
    with pytest.raises(errors.WeightsDamaged, match=r"layers\.1\.mlp\.up_proj"):
        carry_out(file, repository, target="triton-openvino", precision="fp16")


def test_a_gguf_header_with_flipped_bits_is_named_or_served(tmp_path: Path) -> None:
    """Those that our own reader lets pass are llama.cpp's to refuse, by a word or by its death."""
    whole = write_gguf(tmp_path / "whole.gguf")
    content, repository = whole.read_bytes(), tmp_path / "repository"
    header = min(tensor.offset for tensor in read_header(whole).tensors)
    carry_out(whole, repository, name="there")
    before, seen = content_of(repository), set()
    for seed in range(48):
        flipped, chance = bytearray(content), random.Random(seed)
        for _ in range(chance.choice((1, 1, 2))):
            flipped[chance.randrange(header)] ^= 1 << chance.randrange(8)
        (tmp_path / "flipped.gguf").write_bytes(flipped)
        error = _refusal(tmp_path / "flipped.gguf", repository)
        if error is None:
            entry = entry_at(repository, "flipped")
            command = [Settings().engine_python, "-m", "tests.converters.llamacpp_loads", entry.version_folder]
            loaded = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
            assert loaded.returncode == 0, (seed, loaded.stderr)
            shutil.rmtree(entry.folder)
        assert error is None or "flipped.gguf" in str(error), seed
        assert content_of(repository) == before, seed
        assert not list(staging_root(repository).glob("*+*")), seed
        seen.add(type(error))
    assert seen == {errors.WeightsDamaged, errors.LoadRefused, type(None)}


def _refusal(file: Path, repository: Path) -> errors.ModelyardError | None:
    try:
        carry_out(file, repository, target="triton-llamacpp")
    except errors.ModelyardError as error:
        return error
    return None


def test_a_tensor_that_the_architecture_has_not(copy: Path, repository: Path) -> None:
    edit_json(copy / "config.json", hidden_size=128)
    refused(run("convert", str(copy), repository=repository), 5, "Qwen2ForCausalLM")


def test_the_tokenizer_of_another_model(copy: Path, repository: Path) -> None:
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] |= {f"<{number}>": number for number in range(400, 900)}
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused(run("convert", str(copy), repository=repository), 2, "tokens up to number 899", "another model")


@pytest.mark.parametrize("end", [151_643, [151_645, 151_643]])
def test_the_tokenizer_of_a_model_with_fewer_tokens(end: int | list[int], copy: Path, repository: Path) -> None:
    edit_json(copy / "config.json", eos_token_id=end)
    refused(run("convert", str(copy), repository=repository), 2, "with token 151643", "another model's")
    # A file of its own may add tokens, and one end of several suffices.
    (copy / "added_tokens.json").write_text(json.dumps({"<|end|>": 151_643}))
    plan_for(copy, repository)


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


_VLLM = {"target": "triton-vllm", "device": "cuda", "gpus": (Gpu("H100", 80 * 2**30, (9, 0)),)}


@contextlib.contextmanager
def _files_of_at_most(most: int) -> Iterator[None]:
    """In this process, as long as the block runs."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("write", "most", "wishes"),
    [
        (write_gguf, 100_000, {}),
        # Less than the dequantized weights, and more than their tokenizer.
        (lambda file: write_gguf(file, "F16"), 150_000, {"target": "triton-openvino"}),
        (write_pipeline, 100_000, {}),
        (write_pipeline, 100_000, {"target": "triton-diffusers"}),
        (write_checkpoint, 100_000, _VLLM),
    ],
    ids=["a GGUF file", "a GGUF file to IR", "a pipeline to IR", "a pipeline", "a checkpoint for vLLM"],
)
def test_a_disk_without_room_for_what_is_no_text(
    write: Callable[[Path], Path], most: int, wishes: dict[str, Any], repository: Path, tmp_path: Path
) -> None:
    source = write(tmp_path / "large.gguf")
    plan = plan_for(source, repository, **wishes)
    with _files_of_at_most(most), pytest.raises(errors.HostProblem, match="could not be written") as full:
        convert(plan, on_step=lambda step: None)
    assert "free some space" in full.value.hint


def test_ir_for_a_disk_without_room(converted: Convert, repository: Path) -> None:
    plan = plan_for(converted("fp16").version_folder, repository, name="large")
    with _files_of_at_most(100_000), pytest.raises(errors.HostProblem, match="could not be written"):
        convert(plan, on_step=lambda step: None)


def test_a_disk_that_is_full(repository: Path, tmp_path: Path) -> None:
    plan = plan_for(write_gguf(tmp_path / "large.gguf"), repository)
    folder, scratch = tmp_path / "1", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    (folder / "large.gguf").symlink_to("/dev/full")  # where the kernel finds no space for any byte
    with pytest.raises(errors.HostProblem, match="could not be written"):
        llamacpp.export(plan, folder, scratch, on_step=lambda step: None)


def test_a_measurement_without_memory(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_for(write_gguf(tmp_path / "large.gguf"), repository)
    monkeypatch.setattr(llamacpp, "measure", lambda plan, folder: bytearray(2**62))
    with pytest.raises(errors.HostProblem, match="ran out of memory"):
        convert(plan, on_step=lambda step: None)


def test_a_machine_without_memory(checkpoint: Path, repository: Path) -> None:
    shown = _convert(checkpoint, repository, _limited(resource.RLIMIT_AS, 1_200_000_000))
    refused(shown, 4, "memory")
