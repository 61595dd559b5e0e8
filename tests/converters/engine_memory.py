"""OpenVINO GenAI alone in a process: loads a model, fills its cache, and says what memory it held at each point.

Runs in the engine's interpreter, so it imports nothing of ours. Prints JSON: bytes of anonymous memory (`held`) and of
mapped files after the start, after loading, and at the highest.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # importing openvino calls home otherwise


def memory() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    figures = {name: int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile", "RssShmem")}
    return {"held": figures["RssAnon"] + figures["RssShmem"], "mapped": figures["RssFile"]}


def main(folder: str, context: int, concurrency: int) -> None:
    import openvino_genai as genai

    seen = {"start": memory()}
    scheduler = genai.SchedulerConfig()
    scheduler.max_num_batched_tokens = 256
    scheduler.dynamic_split_fuse = True
    scheduler.enable_prefix_caching = False
    pipeline = genai.ContinuousBatchingPipeline(folder, scheduler, "CPU")
    seen["loaded"] = memory()
    config = genai.GenerationConfig()
    config.max_new_tokens = 8
    config.ignore_eos = True
    import numpy as np
    import openvino as ov

    random = np.random.default_rng(1)
    handles = [  # kept: dropping one stops its sequence
        pipeline.add_request(number, ov.Tensor(random.integers(3, 250, (1, context - 8), np.int64)), config)
        for number in range(concurrency)
    ]
    highest = memory()
    while pipeline.has_non_finished_requests():
        pipeline.step()
        highest = {name: max(highest[name], value) for name, value in memory().items()}
    seen["highest"] = highest
    print(json.dumps(seen | {"streams": len(handles)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
