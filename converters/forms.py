"""What kind of thing a list of files is, and which of the files a conversion reads.

Knows names only; opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Literal

from modelyard.errors import SourceUnavailable

Form = Literal["transformers", "diffusers", "gguf", "openvino", "onnx"]

SAFETENSORS = re.compile(r"model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json")
PICKLES = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin|pytorch_model\.bin\.index\.json")
_TEXTS = re.compile(r"[\w.-]+\.(json|jinja|txt|model|tiktoken)")
# Words about the model and lists that other programs keep beside it: they change nothing in what is converted.
_NOT_NEEDED = re.compile(r"(README|LICENSE|NOTICE|requirements|trainer_state|(training|all|eval)_\w+).*", re.IGNORECASE)
# What lies in folders of its own: how sentence-transformers pools vectors, what a text-to-speech model needs besides.
_MODULES = re.compile(
    r"\d_\w+/(config\.json|model\.safetensors)"
    r"|voices/[\w.-]+\.bin|vocoder/(config\.json|model\.safetensors|pytorch_model\.bin)"
)
_SPLIT = re.compile(r"(?P<stem>.+)-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf", re.IGNORECASE)
# Where a repository holds several, Ollama takes this one too: the best answer for its size.
_FAVOURITES = ("Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q8_0", "F16", "BF16")


def form_of(names: Iterable[str]) -> Form:
    """Safetensors beside other forms win: they are the original that the others were made from."""
    all_names = set(names)
    top = {name for name in all_names if "/" not in name}
    exported = any(PurePosixPath(name).name.startswith("openvino_") and name.endswith(".xml") for name in all_names)
    original = any(SAFETENSORS.fullmatch(name) or PICKLES.fullmatch(name) for name in top)
    if exported and not original:
        return "openvino"
    if "model_index.json" in top:
        return "diffusers"
    if original:
        return "transformers"
    if any(name.lower().endswith(".gguf") for name in all_names):
        return "gguf"
    if any(name.endswith(".onnx") for name in all_names):
        return "onnx"
    plain = [name for name in top if name.endswith(".xml") and name[:-4] + ".bin" in top]
    return "openvino" if plain else "transformers"


def needed(
    names: Iterable[str], *, with_code: bool = False, file: str | None = None, tag: str | None = None
) -> tuple[str, ...]:
    """The files of a checkpoint that a conversion reads. Raises SourceUnavailable when `file` or `tag` fit none."""
    listed = sorted(names)
    if file is not None or tag is not None:
        return choose_gguf(listed, file=file, tag=tag)
    form = form_of(listed)
    if form == "gguf":
        return choose_gguf(listed)
    if form == "diffusers":
        return _of_diffusers(listed)
    if form == "openvino":
        ends = (".xml", ".bin", ".json", ".jinja", ".txt", ".model")
        return tuple(name for name in listed if name.endswith(ends) and not _is_pickle_beside_ir(name))
    top = [name for name in listed if "/" not in name]
    texts = {name for name in top if _TEXTS.fullmatch(name) and not _NOT_NEEDED.fullmatch(name)}
    texts -= {name for name in texts if name.endswith((".safetensors.index.json", ".bin.index.json"))}
    texts |= {name for name in listed if _MODULES.fullmatch(name)}
    if form == "onnx":
        networks = {name for name in listed if name.endswith((".onnx", ".onnx_data", ".onnx.data"))}
        return tuple(sorted(texts | networks))
    # Pickled weights only where there are no safetensors.
    kinds = [SAFETENSORS] if any(SAFETENSORS.fullmatch(name) for name in top) else [PICKLES]
    weights = {name for name in top if any(kind.fullmatch(name) for kind in kinds)}
    code = {name for name in top if name.endswith(".py")} if with_code else set()
    return tuple(sorted(texts | weights | code))


def choose_gguf(names: Sequence[str], *, file: str | None = None, tag: str | None = None) -> tuple[str, ...]:
    """One GGUF file of several, with all its parts when it is split."""
    files = [name for name in names if name.lower().endswith(".gguf") and not _is_projector(name)]
    wholes = sorted({_SPLIT.sub(r"\g<stem>", name) for name in files})
    if file is not None:
        chosen = [name for name in wholes if file in (name, _SPLIT.sub(r"\g<stem>", name))]
        chosen = chosen or [_SPLIT.sub(r"\g<stem>", name) for name in files if name == file]
        what = f"file '{file}'"
    elif tag is not None:
        chosen = [name for name in wholes if _has_tag(name, tag)]
        what = f"GGUF file of the quantization '{tag}'"
    else:
        chosen = wholes if len(wholes) == 1 else _favourite(wholes)
        what = "GGUF file"
    if not chosen:
        raise SourceUnavailable(f"there is no {what}; there are: {', '.join(wholes) or 'none'}")
    if len(chosen) > 1:
        raise SourceUnavailable(f"several files fit: {', '.join(chosen)}", hint="name one of them with --file")
    return tuple(name for name in files if _SPLIT.sub(r"\g<stem>", name) == chosen[0])


def _favourite(wholes: Sequence[str]) -> list[str]:
    for favourite in _FAVOURITES:
        if fitting := [name for name in wholes if _has_tag(name, favourite)]:
            return fitting
    return list(wholes)


def _has_tag(name: str, tag: str) -> bool:
    stem = PurePosixPath(name).name
    stem = stem[:-5] if stem.lower().endswith(".gguf") else stem
    return re.search(rf"(^|[.\-_]){re.escape(tag)}$", stem, re.IGNORECASE) is not None


def _is_projector(name: str) -> bool:
    """The image encoder that llama.cpp keeps in a file of its own."""
    return PurePosixPath(name).name.lower().startswith("mmproj")


def _is_pickle_beside_ir(name: str) -> bool:
    return PICKLES.fullmatch(PurePosixPath(name).name) is not None


def _of_diffusers(listed: Sequence[str]) -> tuple[str, ...]:
    """Configurations and safetensors of every component, in one variant; never pickles."""
    texts = [name for name in listed if name.endswith((".json", ".txt", ".model"))]
    weights = [name for name in listed if name.endswith(".safetensors") and "/" in name]
    # A component may come in 32 bits and in 16; the plain name is the one that every library reads.
    plain = [name for name in weights if not re.search(r"\.(fp16|fp32|bf16|non_ema)\b", name)]
    folders = {PurePosixPath(name).parent for name in plain}
    rest = [name for name in weights if PurePosixPath(name).parent not in folders]
    return tuple(sorted({*texts, *plain, *rest}))
