"""The backend's settings, from the parameters of an entry's config.pbtxt and the files of its version folder.

    CONTEXT_LENGTH   4096      prompt and answer together, in tokens, of each slot
    N_PARALLEL       4         slots: sequences computed at once; each has a cache of its own, CONTEXT_LENGTH long
    MAX_QUEUE_SIZE   512       sequences that may wait; one more is refused as UNAVAILABLE
    N_THREADS        -         threads that compute; the cores that this process may use when left out
    N_BATCH          256       tokens of prompts computed in one step: bounds how long they hold up running answers
    N_UBATCH         N_BATCH   tokens computed at once within a step
    N_GPU_LAYERS     all       layers on a GPU, where the engine has one
    CACHE_TYPE_K     f16       f32, f16, bf16, q8_0, q5_1, q5_0, iq4_nl, q4_1 or q4_0
    CACHE_TYPE_V     f16       the same; quantized ones need FLASH_ATTENTION
    FLASH_ATTENTION  auto      auto, on or off
    MMAP             true      map the file into memory instead of reading it

The version folder holds one model, `*.gguf`, in one file or in parts, and may hold LoRA adapters as
`adapters/<name>.gguf`. Knows texts, figures and names of files; does not know llama.cpp.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..common.settings import BadSetting, Parameters, at_least, one_of, truth

_CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "iq4_nl", "q4_1", "q4_0")
_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_ALL_LAYERS = -1


@dataclass(frozen=True)
class BackendSettings:
    """`model` and `adapters` are paths; the names of adapters are those that a request selects by."""

    backend: ClassVar[str] = "llamacpp"

    model: str
    adapters: tuple[tuple[str, str], ...] = ()
    run_folder: str = ""  # where the engine process listens, for this user only
    context_length: int = 4096
    n_parallel: int = 4
    max_queue_size: int = 512
    n_threads: int = 1
    n_batch: int = 256
    n_ubatch: int = 256
    n_gpu_layers: int = _ALL_LAYERS
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    flash_attention: str = "auto"
    mmap: bool = True

    @property
    def max_num_seqs(self) -> int:
        return self.n_parallel

    @property
    def shares_prompts(self) -> bool:
        return False  # every slot has a cache of its own

    @property
    def socket(self) -> str:
        return f"{self.run_folder}/llama.sock"


def read_settings(parameters: Parameters, version_folder: Path, *, run_folder: str = "") -> BackendSettings:
    """The settings of an entry. Raises BadSetting."""
    get = parameters.get
    batch = get("N_BATCH", at_least(1), 256)
    settings = BackendSettings(
        model=str(model_file(version_folder)),
        adapters=tuple((file.stem, str(file)) for file in sorted(version_folder.glob("adapters/*.gguf"))),
        run_folder=run_folder,
        context_length=get("CONTEXT_LENGTH", at_least(2), 4096),
        n_parallel=get("N_PARALLEL", at_least(1), 4),
        max_queue_size=get("MAX_QUEUE_SIZE", at_least(0), 512),
        n_threads=get("N_THREADS", at_least(1), 0) or usable_cores(),
        n_batch=batch,
        n_ubatch=min(get("N_UBATCH", at_least(1), batch), batch),
        n_gpu_layers=get("N_GPU_LAYERS", _layers, _ALL_LAYERS),
        cache_type_k=get("CACHE_TYPE_K", one_of(_CACHE_TYPES), "f16"),
        cache_type_v=get("CACHE_TYPE_V", one_of(_CACHE_TYPES), "f16"),
        flash_attention=get("FLASH_ATTENTION", one_of(("auto", "on", "off")), "auto"),
        mmap=get("MMAP", truth, True),
    )
    if settings.cache_type_v not in ("f32", "f16", "bf16") and settings.flash_attention == "off":
        raise BadSetting(
            f"the parameter CACHE_TYPE_V of config.pbtxt is '{settings.cache_type_v}', which needs FLASH_ATTENTION"
        )
    return settings


def model_file(version_folder: Path) -> Path:
    """The model's file, or the first of its parts. Raises BadSetting."""
    files = sorted(file.name for file in version_folder.glob("*.gguf"))
    if not files:
        raise BadSetting(f"there is no GGUF file in {version_folder}")
    part = _PART.fullmatch(files[0])
    if part is None:
        if len(files) > 1:
            raise BadSetting(f"there are several models in {version_folder}: {', '.join(files)}")
        return version_folder / files[0]
    count = int(part["count"])
    wanted = [f"{part['stem']}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]
    if missing := [name for name in wanted if name not in files]:
        raise BadSetting(f"a part of the model is missing in {version_folder}: {missing[0]}")
    if len(files) > count:
        raise BadSetting(f"there are several models in {version_folder}: {files[0]}, {files[-1]}")
    return version_folder / wanted[0]


def usable_cores() -> int:
    """Physical cores that this process may use, less where a control group gives it less time."""
    allowed = os.sched_getaffinity(0)
    cores = {_siblings(cpu) for cpu in allowed}
    return max(1, min(len(cores), _quota()))


def _siblings(cpu: int) -> str:
    """A name that the threads of one core have in common."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(cpu)


def _quota() -> int:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no control group, or "max"
        return os.cpu_count() or 1


def _layers(text: str) -> int:
    if text.lower() == "all":
        return _ALL_LAYERS
    try:
        return at_least(0)(text)
    except ValueError as error:
        raise ValueError(f"all, or {error}") from None
