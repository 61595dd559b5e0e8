"""Put the held-out questions to the demo checkpoint and print the share answered on topic.

Exits with 1 when the total is below the threshold. The judging is in :mod:`judge`, which an
end-to-end test can use with the answers of a running service instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from judge import judge

HERE = Path(__file__).resolve().parent
Messages = list[dict[str, str]]
Backend = Callable[[Messages], str]


def local_backend(folder: Path, max_new_tokens: int, threads: int) -> Backend:
    """Return a function that answers greedily with the checkpoint folder."""
    # Imported here, so that ask() and report() work where torch is not installed.
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to(torch.float32).eval()

    def answer(messages: Messages) -> str:
        inputs = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
        text: str = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return text

    return answer


def ask(case: dict[str, Any], backend: Backend) -> str:
    """Play the turns of a case, with the backend's own answers in between; return the last one."""
    messages: Messages = []
    answer = ""
    for turn in case["turns"]:
        messages.append({"role": "user", "content": turn})
        answer = backend(messages)
        messages.append({"role": "assistant", "content": answer})
    return answer


def report(cases: Iterable[dict[str, Any]], backend: Backend, verbose: bool = False) -> float:
    """Ask every case, print the misses and the share per topic; return the total share."""
    right: dict[str, int] = {}
    asked: dict[str, int] = {}
    blind: list[bool] = []
    for case in cases:
        answer = ask(case, backend)
        good = judge(case, answer)
        topic = str(case["topic"])
        right[topic] = right.get(topic, 0) + good
        asked[topic] = asked.get(topic, 0) + 1
        if case.get("set") == "blind":
            blind.append(good)
        if verbose or not good:
            wanted = case.get("rule") or case.get("result") or case["kind"]
            print(
                f"{'ok  ' if good else 'MISS'} [{topic}: {wanted}] {' / '.join(case['turns'])!r}\n     -> {answer!r}"
            )
    for topic, count in asked.items():
        print(f"{topic:12s} {right[topic]:3d} of {count:3d}  {100 * right[topic] / count:5.1f} %")
    if blind:
        print(
            f"{'blind cases':12s} {sum(blind):3d} of {len(blind):3d}  {100 * sum(blind) / len(blind):5.1f} %"
        )
    total = sum(right.values()) / sum(asked.values())
    print(f"{'total':12s} {sum(right.values()):3d} of {sum(asked.values()):3d}  {100 * total:5.1f} %")
    return total


def main() -> None:
    """Check one checkpoint folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "checkpoint", type=Path, nargs="?", default=HERE.parent / "checkpoint", help="folder to load"
    )
    parser.add_argument("--cases", type=Path, default=HERE / "heldout.jsonl", help="held-out cases")
    parser.add_argument("--threshold", type=float, default=0.8, help="share needed to pass")
    parser.add_argument("--max-new-tokens", type=int, default=450, help="longest answer")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--verbose", action="store_true", help="print right answers too")
    args = parser.parse_args()

    cases = [json.loads(line) for line in args.cases.read_text(encoding="utf-8").splitlines() if line.strip()]
    started = time.time()
    total = report(cases, local_backend(args.checkpoint, args.max_new_tokens, args.threads), args.verbose)
    print(f"{len(cases)} cases in {time.time() - started:.0f} s")
    sys.exit(0 if total >= args.threshold else 1)


if __name__ == "__main__":
    main()
