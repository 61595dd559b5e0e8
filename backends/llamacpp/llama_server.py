"""llama.cpp's server, started in this process: from a backend's settings to a socket that answers.

Knows llama.cpp's parameters and how it says what went wrong; does not know requests.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .settings import BackendSettings

_ERRORS_ONLY = 1  # llama.cpp's level; the next ones tell of every request
# A line of llama.cpp's log: time, level, who says it, what.
_ERROR = re.compile(r"[\d.]+ E .*?: +(?:error loading model: )?(?P<what>.+)")
_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}


class LoadFailed(Exception):
    """The model cannot be loaded; the sentence says why."""


def start_server(settings: BackendSettings) -> Any:
    """The server, which stops when it is dropped. Raises LoadFailed."""
    Path(settings.socket).unlink(missing_ok=True)  # an engine that died has left it
    # Threads that have nothing to do must sleep. By default they wait actively, which on a machine that has other work
    # takes the processor from the thread that they wait for: 2 tokens a second instead of 50 on two busy cores. The
    # library reads this when it is loaded, not later.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    xllamacpp = importlib.import_module("xllamacpp")
    with _collected_errors() as errors:
        try:
            server = xllamacpp.Server(_parameters(xllamacpp, settings))
        except Exception as error:
            why = _reason(errors.read_text(errors="replace")) or str(error) or type(error).__name__
            raise LoadFailed(f"llama.cpp cannot load {settings.model}: {why}") from error
    # The server has put handlers of its own in place, which would stop the loop and leave the process. The one that
    # started this process decides when it ends.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return server


def _parameters(xllamacpp: Any, settings: BackendSettings) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings.model
    parameters.hostnames = [settings.socket]
    parameters.verbosity = _ERRORS_ONLY
    parameters.ui = False
    parameters.n_threads_http = settings.n_parallel + 4  # a stream keeps a thread; some are for short questions
    parameters.n_parallel = settings.n_parallel
    parameters.n_ctx = settings.context_length * settings.n_parallel
    parameters.fit_params = False  # the figures are the caller's
    parameters.cpuparams.n_threads = settings.n_threads
    parameters.cpuparams_batch.n_threads = settings.n_threads
    parameters.n_batch = settings.n_batch
    parameters.n_ubatch = settings.n_ubatch
    parameters.n_gpu_layers = settings.n_gpu_layers
    parameters.cache_type_k = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{settings.cache_type_k.upper()}")
    parameters.cache_type_v = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{settings.cache_type_v.upper()}")
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type(_FLASH_ATTENTION[settings.flash_attention])
    if not settings.mmap:
        parameters.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    parameters.lora_init_without_apply = True  # a request names the adapter that it wants
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for _, path in settings.adapters]
    return parameters


@contextlib.contextmanager
def _collected_errors() -> Iterator[Path]:
    """What llama.cpp writes to stderr meanwhile, as a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.NamedTemporaryFile(prefix="modelyard-") as collected:
        os.dup2(collected.fileno(), 2)
        try:
            yield Path(collected.name)
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _reason(said: str) -> str:
    """The first error of llama.cpp's account: those after it say that something failed because of it."""
    for line in said.splitlines():
        if found := _ERROR.match(line):
            return found["what"].replace("std::bad_alloc", "there is not enough memory for the cache of this context")
    return ""
