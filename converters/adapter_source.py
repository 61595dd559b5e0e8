"""Where a LoRA adapter comes from: a file or a folder here, or a repository of the hub, brought to one path.

Knows the names that PEFT, Diffusers and llama.cpp give their files; whether an adapter fits a model is not its affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from converters.adapters import PEFT_FILES
from converters.source import HubId, hub_id
from modelyard.errors import SourceUnavailable
from modelyard.settings import Settings

_DIFFUSERS = "pytorch_lora_weights.safetensors"
_ENDINGS = (".safetensors", ".gguf")


def open_adapter(location: str, *, settings: Settings, on_progress: Any = None) -> Path:
    """PEFT's folder, or the one file of any other adapter; fetched where need be. Raises SourceUnavailable."""
    if (here := _here(location)) is not None:
        return here
    from converters.hub.access import Hub
    from converters.hub.fetch import fetch

    wanted = _on_hub(location)
    choose = partial(adapter_files, location, wanted=wanted.tag)
    folder, _, files = fetch(Hub.of(settings), wanted.model, choose=choose, on_progress=on_progress)
    return _place(folder, files)


def glance_at_adapter(location: str, scratch: Path, *, settings: Settings) -> Path:
    """The same for a plan: of an adapter on the hub a stand-in with its true header is written into `scratch`."""
    if (here := _here(location)) is not None:
        return here
    from converters.hub.access import Hub
    from converters.hub.preview import preview

    wanted = _on_hub(location)
    choose = partial(adapter_files, location, wanted=wanted.tag)
    _, files = preview(Hub.of(settings), wanted.model, scratch, choose=choose)
    return _place(scratch, files)


def adapter_files(location: str, names: Iterable[str], *, wanted: str | None = None) -> tuple[str, ...]:
    """The files of the adapter among all that are at a location; `wanted` names one of several, its ending or not.

    Raises SourceUnavailable.
    """
    listed = sorted(names)
    weights = [name for name in listed if name.endswith(_ENDINGS)]
    if wanted is not None:
        chosen = [name for name in weights if wanted in (PurePosixPath(name).name, PurePosixPath(name).stem)]
    else:
        top = [name for name in weights if "/" not in name]
        chosen = next(([name] for name in (PEFT_FILES[1], _DIFFUSERS) if name in top), top)
    if len(chosen) == 1:
        return tuple(name for name in PEFT_FILES if name in listed) if chosen == [PEFT_FILES[1]] else (chosen[0],)
    if chosen:
        raise SourceUnavailable(
            f"several files of {location} could be the adapter: {', '.join(chosen)}",
            hint="name one of them: FOLDER/FILE here, ORG/MODEL:FILE on the hub",
        )
    if not weights and any(PurePosixPath(name).name == "adapter_model.bin" for name in listed):
        raise SourceUnavailable(
            f"the adapter {location} is pickled (adapter_model.bin), and such adapters are not read",
            hint=f"take or make one with {PEFT_FILES[1]}, as PEFT's save_pretrained() does",
        )
    what = "adapter" if wanted is None else f"adapter '{wanted}'"
    raise SourceUnavailable(
        f"{location} holds no {what}; there are: {', '.join(weights) or 'no .safetensors and no .gguf file'}",
        hint=f"an adapter is a folder with {' and '.join(PEFT_FILES)}, or one .safetensors or .gguf file",
    )


def _here(location: str) -> Path | None:
    """The adapter at a path; None where there is no such path."""
    path = Path(location).expanduser()
    if path.is_dir():
        try:
            names = [found.name for found in path.iterdir() if found.is_file()]
        except OSError as error:
            raise SourceUnavailable(f"{location} cannot be read: {error.strerror or error}") from error
        return _place(path, adapter_files(location, names))
    if not path.exists():
        return None
    if not path.name.endswith(_ENDINGS):
        raise SourceUnavailable(
            f"{location} is no adapter: neither a .safetensors nor a .gguf file",
            hint=f"give such a file, or the folder that holds {' and '.join(PEFT_FILES)}",
        )
    beside = tuple(name for name in PEFT_FILES if (path.parent / name).is_file())
    return _place(path.parent, beside if path.name == PEFT_FILES[1] else (path.name,))


def _on_hub(location: str) -> HubId:
    wanted = hub_id(location)
    if wanted is None or (wanted.tag is None and location.endswith(_ENDINGS)):
        raise SourceUnavailable(
            f"there is no adapter {location} here, and it is not a hub id (organisation/model) either"
        )
    return wanted


def _place(folder: Path, files: tuple[str, ...]) -> Path:
    """PEFT's folder, where both of its files are in it; else the file."""
    return folder if files == PEFT_FILES else folder / files[-1]
