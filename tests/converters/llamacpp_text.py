"""What llama.cpp itself answers with a GGUF file, no Triton between: `llamacpp_text.py FILE IDS TOKENS THREADS`.

Runs in the engine's interpreter and imports nothing of ours. `IDS` are those of the prompt, as a JSON list. Prints
JSON: the text of the likeliest tokens, one after the other, ends ignored.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main(file: str, prompt: list[int], tokens: int, threads: int) -> None:
    import xllamacpp

    parameters: Any = xllamacpp.CommonParams()
    parameters.model.path = file
    parameters.verbosity = 1
    parameters.n_parallel = 1
    parameters.n_ctx = 512
    parameters.fit_params = False
    parameters.n_gpu_layers = 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(parameters)
    wish = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
    answer = server.handle_completions(wish)
    print(json.dumps(answer["choices"][0]["text"]), flush=True)
    os._exit(0)  # the server's own end at times waits for ever


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
