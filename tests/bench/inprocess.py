"""The engine alone: answers each line of JSON on stdin ({prompts, max_tokens}) with [[first_s, total_s, tokens], ...].

Runs in the engine's interpreter, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time

import openvino_genai as genai


def main(folder: str) -> None:
    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    pipeline = genai.ContinuousBatchingPipeline(folder, scheduler, "CPU")
    tokenizer = pipeline.get_tokenizer()
    for line in sys.stdin:
        wish = json.loads(line)
        config = genai.GenerationConfig()
        config.max_new_tokens = wish["max_tokens"]
        config.ignore_eos = True
        started = time.perf_counter()
        handles = {n: pipeline.add_request(n, prompt, config) for n, prompt in enumerate(wish["prompts"])}
        ids: dict[int, list[int]] = {n: [] for n in handles}
        first: dict[int, float] = {}
        total: dict[int, float] = {}
        while pipeline.has_non_finished_requests():
            pipeline.step()
            for n, handle in handles.items():
                if n in total or not handle.can_read():
                    continue
                (output,) = handle.read().values()
                ids[n] += output.generated_ids
                first.setdefault(n, time.perf_counter() - started)
                if len(ids[n]) >= config.max_new_tokens:
                    tokenizer.decode(ids[n])
                    total[n] = time.perf_counter() - started
        print(json.dumps([[first[n], total[n], len(ids[n])] for n in handles]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
