"""How fast one engine serves a GGUF file on this host: `engine_probe.py openvino|llamacpp FILE THREADS`.

Runs by its path in the engine's interpreter, so it imports nothing of ours. Prints JSON on its last line: tokens
per second of reading the prompt and of answering. The prompt is the same for both.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

PROMPT = "The night train left the harbour at ten past eleven and followed the coast until morning. " * 4
TOKENS = 24  # of the answer
_UNTIL_S = 4.0  # rounds are repeated for so long, and the best one counts: others work on the machine too


def main(engine: str, file: str, threads: int) -> None:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # importing openvino calls home otherwise
    answer = {"openvino": _openvino, "llamacpp": _llamacpp}[engine](file, threads)
    answer("Hello")  # the first run lays the weights out
    prompts = decodes = 0.0
    until = time.monotonic() + _UNTIL_S
    while not prompts or time.monotonic() < until:
        prompt_rate, decode_rate = answer(PROMPT)
        prompts, decodes = max(prompts, prompt_rate), max(decodes, decode_rate)
    print(json.dumps({"prompt": prompts, "decode": decodes}))


def _openvino(file: str, threads: int) -> Any:
    import openvino_genai as genai

    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = False
    pipeline = genai.LLMPipeline(file, "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=threads)
    config = genai.GenerationConfig(max_new_tokens=TOKENS, ignore_eos=True, apply_chat_template=False)

    def answer(prompt: str) -> tuple[float, float]:
        found = pipeline.generate([prompt], config).perf_metrics
        read = found.get_num_input_tokens() / (found.get_ttft().mean / 1000)
        return read, 1000 / found.get_tpot().mean

    return answer


def _llamacpp(file: str, threads: int) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = file
    parameters.verbosity = 1
    parameters.n_parallel = 1
    parameters.n_ctx = 1024
    parameters.fit_params = False
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(parameters)

    def answer(prompt: str) -> tuple[float, float]:
        wish = {"prompt": prompt, "n_predict": TOKENS, "ignore_eos": True, "cache_prompt": False, "temperature": 0}
        timings = server.handle_completions(wish)["timings"]
        return timings["prompt_per_second"], timings["predicted_per_second"]

    return answer


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
