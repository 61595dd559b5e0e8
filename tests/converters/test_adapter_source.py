"""A LoRA adapter in each form that people have, here and on the hub, as the command line takes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.adapter_source import open_adapter
from converters.convert import convert
from converters.plan import plan_conversion
from converters.source import open_checkpoint
from modelyard.cli.conversion_options import Order
from modelyard.cli.wishes import wishes_of
from modelyard.entry import entry_at
from modelyard.errors import SourceUnavailable
from modelyard.settings import Settings
from tests.converters import gguf_files
from tests.converters.checkpoints import write_adapter
from tests.converters.image_checkpoints import write_lora, write_pipeline
from tests.hub_server import HubServer, settings_for
from tests.modelyard.cli.running import run


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer() as running:
        yield running


@pytest.fixture
def settings(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return settings_for(hub, tmp_path)


def published(settings: Settings, order: Order) -> Path:
    """The version folder of an order that was carried out as `convert` does it."""
    checkpoint = open_checkpoint(order.source, settings=settings)
    plan = plan_conversion(checkpoint, repository=settings.model_repository, wishes=wishes_of(settings, order))
    convert(plan, on_step=lambda step: None)
    return entry_at(settings.model_repository, order.name).version_folder


def published_on_hub(hub: HubServer, name: str, folder: Path) -> str:
    (folder / "README.md").write_text("An adapter.")
    (folder / "tokenizer_config.json").write_text("{}")  # PEFT's trainers leave the base model's files beside it
    hub.add_model(name, folder)
    return name


def test_pefts_form(hub: HubServer, settings: Settings, checkpoint: Path, tmp_path: Path) -> None:
    local = write_adapter(tmp_path / "local", checkpoint, seed=1, alpha=16)
    there = write_adapter(tmp_path / "there", checkpoint, seed=2, alpha=8)
    lora = {
        "local": str(local),
        "hub": published_on_hub(hub, "acme/peft", there),
        "page": "https://huggingface.co/acme/peft",
        "weights": str(local / "adapter_model.safetensors"),
    }
    order = Order(source=str(checkpoint), name="tiny", target="triton-vllm", gpus="1x80GB", lora=lora)
    made = published(settings, order) / "adapters"
    for name, origin in {"local": local, "hub": there, "page": there, "weights": local}.items():
        for file in ("adapter_config.json", "adapter_model.safetensors"):
            assert (made / name / file).read_bytes() == (origin / file).read_bytes()
    # The strength is in the configuration, so that OpenVINO too needs more than the weights.
    wishes = wishes_of(settings, order)
    assert {name: read_scale(place) for name, place in wishes.adapters.items()} == {
        "local": 4,
        "hub": 2,
        "page": 2,
        "weights": 4,
    }


def read_scale(place: Path) -> float:
    from converters.adapters import read_adapter

    return read_adapter(place).scale


def test_forms_of_image_models(hub: HubServer, tmp_path: Path) -> None:
    source = write_pipeline(tmp_path / "tiny-sd")
    diffusers, single, several = (tmp_path / name for name in ("diffusers", "single", "several"))
    file = write_lora(diffusers, "pytorch_lora_weights", 0.1)
    write_lora(single, "ink", 0.2)
    write_lora(several, "swirl", 0.3)
    write_lora(several, "wash", 0.4)
    published_on_hub(hub, "acme/style", Path(shutil.copytree(diffusers, tmp_path / "a")))
    published_on_hub(hub, "acme/ink", Path(shutil.copytree(single, tmp_path / "b")))
    published_on_hub(hub, "acme/several", Path(shutil.copytree(several, tmp_path / "c")))
    given = {
        "hub": "acme/style",
        "one": "acme/ink",
        "named": "acme/several:wash",
        "file": str(file),
        "folder": str(diffusers),
        "another": str(single),
    }
    shown = run(
        *("convert", str(source), "--target", "triton-diffusers"),
        *(word for name, place in given.items() for word in ("--lora", f"{name}={place}")),
        repository=tmp_path / "repository",
        MODELYARD_HUB_ENDPOINTS=hub.url,
        MODELYARD_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert shown.returncode == 0, shown.stderr
    made = entry_at(tmp_path / "repository", "tiny-sd").version_folder / "adapters"
    assert {path.stem: path.read_bytes() for path in made.iterdir()} == {
        "hub": file.read_bytes(),
        "one": (single / "ink.safetensors").read_bytes(),
        "named": (several / "wash.safetensors").read_bytes(),
        "file": file.read_bytes(),
        "folder": file.read_bytes(),
        "another": (single / "ink.safetensors").read_bytes(),
    }


def test_llama_cpps_form(hub: HubServer, settings: Settings, tmp_path: Path) -> None:
    source = gguf_files.write_gguf(tmp_path / "tiny.gguf")
    folder = tmp_path / "adapter"
    folder.mkdir()
    file = gguf_files.write_adapter(folder / "polite-f16.gguf")
    published_on_hub(hub, "acme/polite", folder)
    lora = {"file": str(file), "folder": str(folder), "hub": "acme/polite", "named": "acme/polite:polite-f16"}
    made = published(settings, Order(source=str(source), name="tiny", lora=lora)) / "adapters"
    assert {path.name for path in made.iterdir()} == {f"{name}.gguf" for name in lora}
    assert all(path.read_bytes() == file.read_bytes() for path in made.iterdir())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.safetensors", "b.safetensors"], r"several files of .* a\.safetensors, b\.safetensors"),
        (["adapter_config.json", "adapter_model.bin"], "is pickled"),
        (["config.json"], "holds no adapter"),
    ],
)
@pytest.mark.parametrize("where", ["here", "hub"])
def test_what_is_no_adapter_is_said(
    where: str, names: list[str], words: str, hub: HubServer, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"{}")
    hub.models.pop("acme/wrong", None)
    hub.add_model("acme/wrong", folder)
    with pytest.raises(SourceUnavailable, match=words):
        open_adapter(str(folder) if where == "here" else "acme/wrong", settings=settings)


@pytest.mark.parametrize("location", ["nowhere.safetensors", "no/such/place.gguf", "notes.txt"])
def test_a_file_that_is_none(location: str, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(SourceUnavailable, match="no adapter"):
        open_adapter(str(tmp_path / location), settings=settings)
