"""Whether the backend `llamacpp` loads an entry: `llamacpp_loads.py VERSION_FOLDER`, which fails where it does not.

Runs in the engine's interpreter, and starts llama.cpp as the backend does, with a context that needs next to no memory.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from backends.common.settings import Parameters
from backends.llamacpp.engine_process import _WARM_UP_IDS
from backends.llamacpp.llama_http import Call
from backends.llamacpp.llama_server import start_server
from backends.llamacpp.settings import read_settings


def main(folder: str) -> None:
    with tempfile.TemporaryDirectory() as run_folder:
        parameters = Parameters({"CONTEXT_LENGTH": "64", "N_PARALLEL": "1"})
        settings = read_settings(parameters, Path(folder), run_folder=run_folder)
        _server = start_server(settings)
        Call(settings.socket).ask("/completion", {"prompt": _WARM_UP_IDS, "n_predict": 2, "ignore_eos": True})
    os._exit(0)  # as the backend's own process ends


if __name__ == "__main__":
    main(sys.argv[1])
