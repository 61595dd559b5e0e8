"""Diffusers pipelines are read, exported to OpenVINO or taken over as they are, or refused with a reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.diffusers_checkpoint import Pipeline, read_pipeline, request_defaults
from converters.entry_config import EntryConfig
from converters.exporters.openvino_images import refusal
from converters.source import Checkpoint, open_checkpoint
from modelyard.entry import entry_at
from modelyard.errors import BadCheckpoint, ModelyardError, NoSuchRoute, TaskUnknown
from modelyard.manifest import read_manifest
from tests.converters.conftest import carry_out, plan_for
from tests.converters.image_checkpoints import CLIP_TOKENS, FAMILIES, write_lora, write_pipeline

Pipelines = Callable[[str], Path]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Pipelines:
    """A family's checkpoint, made when first asked for. Do not write into it."""
    folder = tmp_path_factory.mktemp("pipelines")

    def made(family: str) -> Path:
        path = folder / family
        return path if path.exists() else write_pipeline(path, family)

    return made


@pytest.fixture
def copied(original: Pipelines, tmp_path: Path) -> Path:
    """A Stable Diffusion that a test may damage."""
    return Path(shutil.copytree(original("sd"), tmp_path / "checkpoint"))


def opened(folder: Path) -> Checkpoint:
    return open_checkpoint(str(folder))


def read(folder: Path) -> Pipeline:
    return read_pipeline(opened(folder))


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("family", "defaults"),
    [
        ("sd", (50, 7.5, 64, 8, True)),
        ("lcm", (4, 8.5, 64, 8, False)),
        ("sdxl", (50, 5.0, 64, 8, True)),
        ("sd3", (28, 7.0, 64, 16, True)),
        ("flux", (4, 0.0, 1024, 16, False)),  # without guidance in its network: the quick kind
    ],
)
def test_a_family_s_defaults_are_read(original: Pipelines, family: str, defaults: tuple[Any, ...]) -> None:
    pipeline = read(original(family))
    found = (pipeline.steps, pipeline.guidance, pipeline.width, pipeline.multiple, pipeline.negative_prompt)
    assert found == defaults
    assert pipeline.family == family
    assert pipeline.problems == ()


def test_parameters_and_bytes_are_those_of_the_weights(original: Pipelines) -> None:
    from safetensors import safe_open

    folder = original("sd")
    parameters = 0
    for path in folder.rglob("*.safetensors"):
        with safe_open(path, "np") as file:
            parameters += sum(file.get_tensor(name).size for name in file.keys())  # noqa: SIM118 - not a dict
    pipeline = read(folder)
    assert pipeline.parameters == parameters
    assert pipeline.bytes == sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    assert pipeline.number_type == "fp32"


def test_a_model_that_needs_few_steps_is_known_by_its_scheduler(copied: Path) -> None:
    edit(
        copied / "scheduler/scheduler_config.json",
        _class_name="EulerAncestralDiscreteScheduler",
        timestep_spacing="trailing",
    )
    pipeline = read(copied)
    assert (pipeline.steps, pipeline.guidance) == (4, 0.0)


def test_a_missing_component_is_named(copied: Path) -> None:
    shutil.rmtree(copied / "vae")
    shutil.rmtree(copied / "scheduler")
    (problem,) = read(copied).problems
    assert "vae" in str(problem)
    assert "scheduler" in str(problem)


def test_pickled_weights_are_not_read(copied: Path) -> None:
    weights = copied / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    (problem,) = read(copied).problems
    assert "unet/" in str(problem)
    assert "pickled" in str(problem)


@pytest.mark.parametrize("kept", [4, 100, -1])
def test_truncated_weights_are_named(copied: Path, kept: int) -> None:
    weights = copied / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    (problem,) = read(copied).problems
    assert "unet/diffusion_pytorch_model.safetensors" in str(problem)


def test_a_shard_that_the_index_names_is_missed(copied: Path) -> None:
    unet = copied / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "diffusion_pytorch_model-00001-of-00002.safetensors")
    shards = {"a": "diffusion_pytorch_model-00001-of-00002.safetensors"}
    shards["b"] = shards["a"].replace("00001", "00002")
    (unet / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (problem,) = read(copied).problems
    assert "00002-of-00002" in str(problem)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"_class_name": 3}', '{"_class_name": "StableDiffusionPipeline"}'])
def test_a_damaged_index_is_refused(copied: Path, tmp_path: Path, text: str) -> None:
    (copied / "model_index.json").write_text(text)
    with pytest.raises(BadCheckpoint):
        plan_for(copied, tmp_path / "repository", target="triton-openvino")


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_families_are_exported(original: Pipelines, family: str) -> None:
    assert refusal(opened(original(family))) is None


def test_another_pipeline_is_refused_with_what_serves_it(copied: Path, tmp_path: Path) -> None:
    edit(copied / "model_index.json", _class_name="KandinskyPipeline")
    assert "--target triton-diffusers" in str(refusal(opened(copied)))
    with pytest.raises(ModelyardError) as refused:
        plan_for(copied, tmp_path / "repository", target="triton-openvino")
    assert "--target triton-diffusers" in refused.value.hint


@pytest.mark.parametrize("task", ["text-to-image", "image-to-image", "inpainting"])
def test_each_task_of_an_image_pipeline_names_its_one_entry(copied: Path, tmp_path: Path, task: str) -> None:
    for target in ("triton-openvino", "triton-diffusers"):
        plan = plan_for(copied, tmp_path / "repository", target=target, task=task)
        assert (plan.task, plan.settings["task"]) == ("text-to-image", "text-to-image")


def test_a_model_of_text_makes_no_images(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSuchRoute, match="for text-to-image"):
        plan_for(checkpoint, tmp_path / "repository", task="inpainting")
    with pytest.raises(TaskUnknown, match="'painting' is no task") as unknown:
        plan_for(checkpoint, tmp_path / "repository", task="painting")
    assert "inpainting" in unknown.value.hint


def test_the_original_is_taken_over_as_it_is(copied: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (copied / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    carry_out(copied, repository, name="sd", target="triton-diffusers")
    folder = entry_at(repository, "sd").version_folder
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert (folder / weights).read_bytes() == (copied / weights).read_bytes()
    assert not list(folder.rglob("*.bin"))
    # What the checkpoint leaves out would make the tokenizer's truncation overflow.
    assert json.loads((folder / "tokenizer/tokenizer_config.json").read_text())["model_max_length"] == CLIP_TOKENS
    config = EntryConfig.from_text(entry_at(repository, "sd").config.read_text())
    assert (config.backend, config.parameters["DEFAULT_WIDTH"]) == ("diffusers", "64")


def add_safety_checker(folder: Path) -> None:
    """One that cannot be loaded: nothing of it may be needed."""
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "config.json").write_text("{}")
    shutil.copy(folder / "vae" / "diffusion_pytorch_model.safetensors", folder / "safety_checker" / "model.safetensors")
    component = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    edit(folder / "model_index.json", safety_checker=component, requires_safety_checker=True)


@pytest.mark.parametrize(("precision", "bits"), [("int8", "u8"), ("int4", "u4")])
def test_weights_are_compressed_and_the_safety_checker_is_left_out(
    copied: Path, tmp_path: Path, precision: str, bits: str
) -> None:
    import openvino as ov

    add_safety_checker(copied)
    repository = tmp_path / "repository"
    carry_out(copied, repository, name="sd", target="triton-openvino", precision=precision)
    entry = entry_at(repository, "sd")
    manifest = read_manifest(entry)
    assert manifest is not None
    assert (manifest.task, manifest.precision) == ("text-to-image", precision)
    assert not (entry.version_folder / "safety_checker").exists()

    def types(part: str) -> set[str]:
        network = ov.Core().read_model(entry.version_folder / part / "openvino_model.xml")
        constants = [each for each in network.get_ops() if each.get_type_name() == "Constant"]
        return {each.get_output_element_type(0).to_string() for each in constants}

    assert bits in types("unet")
    assert "u8" in types("text_encoder")
    assert "u4" not in types("vae_decoder")
    # What was exported says the same of requests as the original.
    assert request_defaults(read(entry.version_folder)) == request_defaults(read(copied))


def test_an_adapter_is_written_in_the_names_that_the_engine_knows(original: Pipelines, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    from converters.lora import write_adapters

    adapter = write_lora(tmp_path, "swirl")
    write_adapters({"swirl": adapter}, opened(original("sd")), tmp_path / "adapters")
    before, after = load_file(adapter), load_file(tmp_path / "adapters" / "swirl.safetensors")
    old = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_A.weight"
    new = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_down.weight"
    assert (after[new] == before[old]).all()
    assert len(after) == len(before)
    # The same file once more is that form already.
    write_adapters({"again": tmp_path / "adapters" / "swirl.safetensors"}, opened(original("sd")), tmp_path / "twice")
    assert load_file(tmp_path / "twice" / "again.safetensors").keys() == after.keys()


def test_an_adapter_of_another_model_is_refused(copied: Path, original: Pipelines, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    from converters.lora import copy_adapters, write_adapters

    tensors = load_file(write_lora(tmp_path, "swirl"))
    stranger = tmp_path / "stranger.safetensors"
    save_file({name.replace("mid_block", "another_block"): value for name, value in tensors.items()}, stranger)
    with pytest.raises(BadCheckpoint, match="does not fit this model"):
        write_adapters({"stranger": stranger}, opened(copied), tmp_path / "one")
    with pytest.raises(BadCheckpoint, match="no LoRA adapter"):
        copy_adapters({"unet": copied / "unet/diffusion_pytorch_model.safetensors"}, tmp_path / "two")
    stranger.write_bytes(stranger.read_bytes()[:50])
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        copy_adapters({"stranger": stranger}, tmp_path / "three")


def test_a_family_whose_pipelines_take_no_adapters_says_so(original: Pipelines, tmp_path: Path) -> None:
    adapter = write_lora(tmp_path, "swirl")
    with pytest.raises(BadCheckpoint) as refused:
        carry_out(
            original("flux"), tmp_path / "repository", name="f", target="triton-openvino", adapters={"swirl": adapter}
        )
    assert "--target triton-diffusers" in refused.value.hint
