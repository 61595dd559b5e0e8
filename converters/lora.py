"""LoRA adapters of image models: checked against the pipeline, and written in names that the engines know.

Knows the two forms in use, Diffusers' and kohya's; loads no network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from converters.adapters import weights_of
from converters.diffusers_checkpoint import component_files
from converters.linking import link_or_copy
from converters.safetensors_header import read_safetensors
from converters.source import Checkpoint
from modelyard.entry import checked_name
from modelyard.errors import BadCheckpoint, WeightsDamaged

# Diffusers' form: unet.down_blocks.1...to_q.lora_A.weight, or with .lora.down. in older files.
_DIFFUSERS = re.compile(
    r"(?P<part>unet|text_encoder|text_encoder_2)\."
    r"(?P<module>.+?)\.(lora_(?P<side>[AB])|(lora\.|lora_)(?P<old>down|up))\.weight"
)
_KOHYA = re.compile(r"lora_(?P<part>unet|te|te1|te2)_(?P<module>\w+)\.(lora_(down|up)\.weight|alpha)")
_KOHYA_PARTS = {"unet": "unet", "text_encoder": "te", "text_encoder_2": "te2"}


def copy_adapters(adapters: Mapping[str, Path], folder: Path) -> None:
    """Put adapters by name into `folder` as they are. Raises BadCheckpoint."""
    folder.mkdir()
    for name, path in adapters.items():
        checked_name(name)
        check_adapter(path)
        link_or_copy(weights_of(path), folder / f"{name}.safetensors")


def write_adapters(adapters: Mapping[str, Path], checkpoint: Checkpoint, folder: Path) -> None:
    """Write adapters by name into `folder`, in kohya's form. Raises BadCheckpoint.

    OpenVINO GenAI 2026.4 reads Diffusers' form too, finds no network of those names, and draws as if there were none.
    """
    from safetensors.numpy import load_file, save_file

    folder.mkdir()
    for name, path in adapters.items():
        checked_name(name)
        tensors = _checked(path, checkpoint)
        loaded = load_file(weights_of(path))
        save_file({new: loaded[old] for old, new in tensors.items()}, folder / f"{name}.safetensors")


def check_adapter(path: Path) -> None:
    """Whether it is an adapter at all, by its header. Raises BadCheckpoint."""
    _names(path)


def _checked(path: Path, checkpoint: Checkpoint) -> dict[str, str]:
    """The name of each tensor in the file, with its name in kohya's form."""
    names = _names(path)
    two_encoders = "text_encoder_2" in checkpoint.config
    renamed = {name: _kohya_name(name, two_encoders=two_encoders) for name in names}
    known = _modules(checkpoint, two_encoders=two_encoders)
    strange = [name for name, new in renamed.items() if new is None or new.partition(".")[0] not in known]
    if strange:
        raise BadCheckpoint(
            f"the adapter {path.name} does not fit this model, which has no layer for {strange[0]}",
            hint="take an adapter that was trained on this model's own kind (Stable Diffusion 1.x, XL ...)",
        )
    return {name: new for name, new in renamed.items() if new is not None}


def _names(path: Path) -> list[str]:
    try:
        names = list(read_safetensors(weights_of(path)))
    except (OSError, ValueError) as error:
        raise WeightsDamaged(str(path), str(error)) from error
    if not any("lora" in name for name in names):
        raise BadCheckpoint(f"{path.name} is no LoRA adapter: none of its tensors has a name of one")
    return names


def _kohya_name(name: str, *, two_encoders: bool) -> str | None:
    if found := _KOHYA.fullmatch(name):
        return name
    found = _DIFFUSERS.fullmatch(name)
    if found is None:
        return None
    part = _KOHYA_PARTS[found["part"]]
    if part == "te" and two_encoders:
        part = "te1"
    side = "down" if "A" in (found["side"] or "") or found["old"] == "down" else "up"
    return f"lora_{part}_{found['module'].replace('.', '_')}.lora_{side}.weight"


def _modules(checkpoint: Checkpoint, *, two_encoders: bool) -> set[str]:
    """The layers that an adapter can change, in kohya's names: those that have a weight."""
    found = set()
    for component, short in _KOHYA_PARTS.items():
        prefix = "te1" if short == "te" and two_encoders else short
        for name in component_files(checkpoint, component):
            if name.endswith(".safetensors"):
                for tensor in read_safetensors(checkpoint.folder / name):
                    found.add(f"lora_{prefix}_{tensor.removesuffix('.weight').replace('.', '_')}")
    return found
