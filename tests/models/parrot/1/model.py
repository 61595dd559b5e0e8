"""A model that says known words, for tests of what stands in front of Triton; speaks the whole contract of text.

What it does is asked for inside the prompt, as `words=20 delay=0.05`, so every client can ask. Knows no weights.

    words=N       how many tokens the answer has (default 5)
    chunk=N       tokens in one response (default 1)
    delay=S       seconds before each response (default 0)
    say=prompt    the answer is the prompt, word by word
    say=sampling  the answer is the sampling parameters, as they came
    say=images    the answer is how many images came with the prompt
    say=script    the answer is what the prompt has last between <<< and >>>; each character is a token
    raise=CODE    a TritonError of that code at the start; with after=N, when N tokens were said
    after=N       see raise
    refuse=FIELD  an error as of a sampling parameter that an engine does not have
    crash=N       the process dies when N tokens were said
    final=rides   the last response carries the final flag, as vLLM does; else an empty one follows

Of the parameters in its config.pbtxt it reads FAIL_TO_LOAD, LOAD_SECONDS (how long its load takes), CONTEXT_LENGTH and
NEEDS_ALONE (a file that only one model can have at a time: another one that wants it is out of memory).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

WORDS = ("polly ", "wants ", "a ", "cracker, ", "größe ", "日本 ", "🦜 ", 'and "quotes"\n')
INPUTS = {
    "text_input": ("TYPE_STRING", [1], False),
    "image": ("TYPE_STRING", [-1], True),
    "stream": ("TYPE_BOOL", [1], True),
    "sampling_parameters": ("TYPE_STRING", [1], True),
    "exclude_input_in_output": ("TYPE_BOOL", [1], True),
    "return_finish_reason": ("TYPE_BOOL", [1], True),
    "return_cumulative_logprob": ("TYPE_BOOL", [1], True),
    "return_logprobs": ("TYPE_BOOL", [1], True),
    "return_num_input_tokens": ("TYPE_BOOL", [1], True),
    "return_num_output_tokens": ("TYPE_BOOL", [1], True),
}
OUTPUTS = {
    "text_output": ("TYPE_STRING", [-1]),
    "finish_reason": ("TYPE_STRING", [-1]),
    "cumulative_logprob": ("TYPE_FP32", [-1]),
    "logprobs": ("TYPE_STRING", [-1]),
    "num_input_tokens": ("TYPE_UINT32", [1]),
    "num_output_tokens": ("TYPE_UINT32", [-1]),
}


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        for name, (kind, dims, optional) in INPUTS.items():
            config.add_input({"name": name, "data_type": kind, "dims": dims, "optional": optional})
        for name, (kind, dims) in OUTPUTS.items():
            config.add_output({"name": name, "data_type": kind, "dims": dims})
        config.set_max_batch_size(0)
        config.set_model_transaction_policy({"decoupled": True})
        return config

    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"])["parameters"]
        if "FAIL_TO_LOAD" in parameters:
            raise pb_utils.TritonModelException("the parrot is not well today")
        time.sleep(float(parameters.get("LOAD_SECONDS", {"string_value": "0"})["string_value"]))
        if "NEEDS_ALONE" in parameters:
            # Stands for the memory that one model leaves no room in for another; the kernel frees it with the process.
            self._perch = Path(parameters["NEEDS_ALONE"]["string_value"]).open("a")  # noqa: SIM115 - until the end
            try:
                fcntl.flock(self._perch, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise pb_utils.TritonModelException("out of memory: another parrot sits here") from None
        self._context = int(parameters.get("CONTEXT_LENGTH", {"string_value": "4096"})["string_value"])
        # A family must outlive its metrics, so both are kept.
        self._families = {
            outcome: pb_utils.MetricFamily(
                name=f"parrot_{outcome}_total", description=outcome, kind=pb_utils.MetricFamily.COUNTER
            )
            for outcome in ("started", "finished", "cancelled", "failed")
        }
        labels = {"model": args["model_name"]}
        self._outcomes = {outcome: family.Metric(labels=labels) for outcome, family in self._families.items()}

    async def execute(self, requests: list[Any]) -> None:
        await asyncio.gather(*(self._answer(request) for request in requests))

    async def _answer(self, request: Any) -> None:
        sender = request.get_response_sender()
        self._outcomes["started"].increment(1)
        try:
            outcome = await _speak(request, sender, self._context)
        except pb_utils.TritonModelException as error:
            _send_error(sender, str(error), "INVALID_ARG")
            outcome = "failed"
        self._outcomes[outcome].increment(1)


async def _speak(request: Any, sender: Any, context: int) -> str:
    prompt = _text(request, "text_input") or ""
    sampling = json.loads(_text(request, "sampling_parameters") or "{}")
    asked = dict(re.findall(r"\b(words|chunk|delay|say|raise|after|refuse|crash|final)=([\w.]+)", prompt))
    if not _flag(request, "exclude_input_in_output"):
        raise pb_utils.TritonModelException("the parrot never repeats the input")
    if sampling.get("max_tokens", 16) < 1:
        raise pb_utils.TritonModelException("'max_tokens' must be at least 1")
    if (sampling.get("logprobs") or 0) > 2:
        raise pb_utils.TritonModelException("'logprobs' must be at most 2: the parrot knows no more words")
    if (length := len(prompt.split())) > context:
        raise pb_utils.TritonModelException(f"the prompt has {length} tokens, the model's context is {context}")
    if "raise" in asked and "after" not in asked:
        _send_error(sender, f"the parrot was told to raise {asked['raise']}", asked["raise"])
        return "failed"

    if "refuse" in asked:
        _send_error(sender, f"'{asked['refuse']}' cannot be honoured: the parrot was told so", "INVALID_ARG")
        return "failed"

    tokens, reason = _tokens(prompt, sampling, asked, _count(request, "image"))
    size = int(asked.get("chunk", 1)) if _flag(request, "stream") else max(1, len(tokens))
    said, text_before = 0, ""
    for start in range(0, max(1, len(tokens)), size):
        if "delay" in asked:
            await asyncio.sleep(float(asked["delay"]) * (1 if _flag(request, "stream") else len(tokens)))
        else:
            await asyncio.sleep(0)
        if sender.is_cancelled():
            _send_error(sender, "the client went away", "CANCELLED")
            return "cancelled"
        if int(asked.get("crash", -1)) in range(start, start + size):
            os._exit(13)
        if "raise" in asked and int(asked["after"]) in range(start, start + size):
            _send_error(sender, f"the parrot was told to raise {asked['raise']}", asked["raise"])
            return "failed"
        part = tokens[start : start + size]
        said += len(part)
        last = said == len(tokens)
        flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if last and asked.get("final") == "rides" else 0
        sender.send(_response(request, prompt, sampling, part, reason if last else "None"), flags=flags)
        text_before += "".join(part)
    if asked.get("final") != "rides":
        sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
    return "finished"


def _tokens(prompt: str, sampling: dict[str, Any], asked: dict[str, str], images: int) -> tuple[list[str], str]:
    """The answer's tokens and why it ends. The engine is where stop strings are found, so the parrot looks too."""
    if asked.get("say") == "prompt":
        tokens = re.findall(r"\s*\S+\s*|\s+", prompt)
    elif asked.get("say") == "script":
        tokens = list(re.findall(r"<<<(.*?)>>>", prompt, flags=re.DOTALL)[-1])
    elif asked.get("say") == "sampling":
        tokens = [json.dumps(sampling, sort_keys=True)]
    elif asked.get("say") == "images":
        tokens = [str(images)]
    else:
        tokens = [WORDS[i % len(WORDS)] for i in range(int(asked.get("words", 5)))]
    if asked.get("say") == "sampling":
        return tokens, "stop"
    reason = "stop"
    limit = sampling.get("max_tokens", 16)
    if len(tokens) > limit:
        tokens, reason = tokens[:limit], "length"
    text = "".join(tokens)
    stops = sampling.get("stop") or []
    found = [at for at in (text.find(stop) for stop in ([stops] if isinstance(stops, str) else stops)) if at >= 0]
    if found:
        text, reason = text[: min(found)], "stop"
        tokens = re.findall(r"\S+\s*|\s+", text)
    return tokens, reason


def _response(request: Any, prompt: str, sampling: dict[str, Any], part: list[str], reason: str) -> Any:
    n = sampling.get("n", 1)
    tensors = [_strings("text_output", ["".join(part)] * n)]
    if _flag(request, "return_finish_reason"):
        tensors.append(_strings("finish_reason", [reason] * n))
    if _flag(request, "return_logprobs"):
        others = WORDS[: sampling.get("logprobs", 0)]
        steps = [
            {
                "1": {"logprob": -0.5, "rank": 1, "decoded_token": token},
                **{str(2 + i): {"logprob": -2.0 - i, "rank": 2 + i, "decoded_token": o} for i, o in enumerate(others)},
            }
            for token in part
        ]
        tensors.append(_strings("logprobs", [json.dumps(steps)] * n))
    if _flag(request, "return_num_input_tokens"):
        tensors.append(pb_utils.Tensor("num_input_tokens", np.array([len(prompt.split())], dtype=np.uint32)))
    if _flag(request, "return_num_output_tokens"):
        tensors.append(pb_utils.Tensor("num_output_tokens", np.array([len(part)] * n, dtype=np.uint32)))
    return pb_utils.InferenceResponse(output_tensors=tensors)


def _strings(name: str, values: list[str]) -> Any:
    return pb_utils.Tensor(name, np.array([value.encode() for value in values], dtype=np.object_))


def _send_error(sender: Any, message: str, code: str) -> None:
    sender.send(
        # The code is in the text as well, as our backends write it.
        pb_utils.InferenceResponse(
            error=pb_utils.TritonError(f"[{code}] {message}", getattr(pb_utils.TritonError, code))
        ),
        flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL,
    )


def _text(request: Any, name: str) -> str | None:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy()[0].decode()


def _count(request: Any, name: str) -> int:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return 0 if tensor is None else int(tensor.as_numpy().size)


def _flag(request: Any, name: str) -> bool:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return tensor is not None and bool(tensor.as_numpy()[0])
