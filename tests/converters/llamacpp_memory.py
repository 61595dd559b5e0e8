"""llama.cpp's server alone in a process: `llamacpp_memory.py FOLDER CONTEXT SLOTS`, and what memory it held.

Runs in the engine's interpreter, and starts as the backend starts. The file is read and not mapped, so that weights are
counted wherever llama.cpp keeps them: some kinds it lays out anew, and the file's pages can then be dropped. Prints
JSON: bytes after loading and at the highest.
"""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from backends.common.settings import Parameters
from backends.llamacpp.llama_server import start_server
from backends.llamacpp.settings import read_settings
from tests.converters.engine_memory import memory


def main(folder: str, context: int, slots: int) -> None:
    with tempfile.TemporaryDirectory() as run_folder:
        parameters = Parameters({"CONTEXT_LENGTH": str(context), "N_PARALLEL": str(slots), "MMAP": "false"})
        server = start_server(read_settings(parameters, Path(folder), run_folder=run_folder))
        seen = {"loaded": memory()}
        wish = {"prompt": [300] * min(256, context - 8), "n_predict": 8, "ignore_eos": True, "temperature": 0}
        with ThreadPoolExecutor(slots) as pool:
            answers = list(pool.map(lambda _: server.handle_completions(wish), range(slots)))
        seen["highest"] = memory()
    print(json.dumps(seen | {"written": [answer["usage"]["completion_tokens"] for answer in answers]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
