"""A model of the hub that is only looked at gives the plan that it has when it is here, whatever its form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from converters.exportable import refusal
from converters.glance import glance
from converters.hub import preview
from converters.plan import ConversionPlan, Wishes, plan_conversion
from converters.source import Checkpoint, open_checkpoint
from modelyard.settings import Settings
from tests.converters.checkpoints import write_checkpoint
from tests.converters.conftest import Convert
from tests.converters.encoder_checkpoints import write_encoder, write_onnx
from tests.converters.gguf_files import write_gguf
from tests.converters.image_checkpoints import write_pipeline
from tests.converters.speech_checkpoints import write_speecht5, write_whisper
from tests.converters.vision_checkpoints import write_vision
from tests.hub_server import HubServer


def write_pickle(folder: Path) -> Path:
    import torch
    from safetensors.torch import load_file

    weights = write_checkpoint(folder) / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    return folder


def write_quantized(folder: Path) -> Path:
    folder.mkdir()
    write_gguf(folder / "tiny.gguf", "Q5_0")
    return folder


FORMS: dict[str, Callable[[Path], Path]] = {
    "shards": lambda folder: write_checkpoint(folder, shard_size="200KB"),
    "pickle": write_pickle,
    "gguf": write_quantized,
    "encoder": lambda folder: write_encoder(folder, "bert"),
    "classifier": lambda folder: write_encoder(folder, "roberta", labels=3),
    "onnx": lambda folder: write_onnx(folder, write_encoder(folder.with_name("original"), "bert")),
    "whisper": write_whisper,
    "speecht5": write_speecht5,
    "llava": lambda folder: write_vision(folder, "llava"),
    "diffusers": write_pipeline,
}


@pytest.fixture(autouse=True)
def holes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut out of large files only is cut out of tiny ones too."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(preview, "_MOST_TEXT", 2**10)
    monkeypatch.setattr(preview, "_TAILS", (2**9, 2**14))


def same_plan(folder: Path, tmp_path: Path) -> None:
    def plan(checkpoint: Checkpoint) -> ConversionPlan:
        repository, wishes = tmp_path / "repository", Wishes(name="model")
        return plan_conversion(checkpoint, repository=repository, wishes=wishes, exportable=refusal, check_host=False)

    here = plan(open_checkpoint(str(folder)))
    with HubServer() as hub:
        hub.add_model("acme/model", folder)
        settings = Settings(_env_file=None, hub_endpoints=[hub.url], cache_dir=tmp_path / "cache")
        there = plan(glance("acme/model", tmp_path / "scratch", settings=settings))
    for name in ("settings", "architecture", "parameters", "context_length", "disk_needed", "memory_needed"):
        assert getattr(there, name) == getattr(here, name), name


@pytest.mark.parametrize("form", FORMS)
def test_of_each_form(form: str, tmp_path: Path) -> None:
    same_plan(FORMS[form](tmp_path / "model"), tmp_path)


def test_of_ready_ir(converted: Convert, tmp_path: Path) -> None:
    same_plan(converted("fp16").version_folder, tmp_path)
