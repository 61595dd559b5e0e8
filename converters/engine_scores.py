"""What llama.cpp thinks comes next in texts: `engine_scores.py FILE THREADS`, with the question as JSON on stdin.

Runs by its path in the engine's interpreter, so it imports nothing of ours. The question has `texts`, `longest`
(tokens of each) and `likeliest`. Says "loading" and "loaded", each on a line, since a file may end the process. Prints
JSON on its last line, for each text: all its tokens, and for each of the first ones the likeliest next tokens with the
logarithms of their probabilities.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

# Both are read when the library is loaded; the first is as the backend has it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # of a file that ends it, which takes seconds
_KEPT: list[Any] = []  # servers, until the process ends
# A model is loaded, for the backend, when it has answered this.
_WARM_UP = {"prompt": [0, 1, 2, 3], "n_predict": 2, "ignore_eos": True}


def main(file: str, threads: int, question: dict[str, Any]) -> None:
    try:
        answer(file, threads, question)
    except Exception:
        traceback.print_exc()
        os._exit(1)
    # Not by way of the server's own end, which at times waits for ever when it has just begun.
    os._exit(0)


def answer(file: str, threads: int, question: dict[str, Any]) -> None:
    import xllamacpp

    with tempfile.TemporaryDirectory(prefix="modelyard-") as folder:
        place = os.path.join(folder, "llama.sock")  # noqa: PTH118  # a string is what both sides want
        print("loading", flush=True)
        _KEPT.append(xllamacpp.Server(_parameters(xllamacpp, file, threads, question["longest"], place)))
        _ask(place, "/completion", _WARM_UP)
        print("loaded", flush=True)
        found = [_scores(place, text, question) for text in question["texts"]]
        print(json.dumps(found), flush=True)


def _parameters(xllamacpp: Any, file: str, threads: int, longest: int, place: str) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = file
    parameters.hostnames = [place]
    parameters.verbosity = 1
    parameters.ui = False
    parameters.n_parallel = 1
    parameters.n_ctx = longest + 8
    parameters.fit_params = False
    parameters.cache_ram_mib = 0  # it would keep the caches of earlier prompts
    parameters.n_gpu_layers = 0
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    # Those of the entry are loaded as the backend does, and none is applied.
    adapters = sorted(Path(file).with_name("adapters").glob("*.gguf"))
    parameters.lora_init_without_apply = True
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 0.0) for adapter in adapters]
    return parameters


def _scores(place: str, text: str, question: dict[str, Any]) -> dict[str, Any]:
    tokens = _tokens(place, text)
    # Probabilities are those before it is decided what is answered. Of an answer that ends the text, or is a part of a
    # character, none would be given; so the answer is always the same letter.
    answer = _tokens(place, "a")[-1]
    ids, logarithms = [], []
    for end in range(1, min(len(tokens), question["longest"]) + 1):
        # One token more than before: what came before it is in the cache, so that this is one step.
        wish = {
            "prompt": tokens[:end],
            "n_predict": 1,
            "n_probs": question["likeliest"],
            "cache_prompt": True,
            "temperature": 0,
            "logit_bias": [[answer, 1e6]],
        }
        likeliest = _ask(place, "/completion", wish)["completion_probabilities"][0]["top_logprobs"]
        ids.append([token["id"] for token in likeliest])
        logarithms.append([token["logprob"] for token in likeliest])
    return {"tokens": tokens, "ids": ids, "logarithms": logarithms}


def _tokens(place: str, text: str) -> list[int]:
    # Control tokens are read as such: a conversation has them.
    question = {"content": text, "add_special": False, "parse_special": True}
    tokens: list[int] = _ask(place, "/tokenize", question)["tokens"]
    return tokens


def _ask(place: str, what: str, question: dict[str, Any]) -> Any:
    connection = _UnixConnection("localhost")
    connection.place = place
    try:
        connection.request("POST", what, json.dumps(question), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(said.decode(errors="replace"))
    return json.loads(said)


class _UnixConnection(http.client.HTTPConnection):
    place: str

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.place)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), json.load(sys.stdin))
