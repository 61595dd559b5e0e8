"""How true a converted model is: the original in PyTorch and the IR in OpenVINO read the same tokens.

Compares what each thinks comes next; knows nothing of precisions, and judges nothing.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from converters.exact import compute_in_32_bits, stored_type
from converters.mapped import give_back, giving_back, trim_heap
from converters.model_card import chat_template
from converters.precision import EXACT
from converters.source import Checkpoint
from modelyard import host
from modelyard.manifest import Fidelity

# Ours, of several kinds: what a model says of prose, code, figures and other languages differs.
TEXT = """\
The night train left the harbour at ten past eleven and followed the coast until morning. From the window one could
see the lamps of fishing boats, three in a row, and now and then a village asleep behind its wall. "How far is it to
the border?" asked the boy. His mother looked at her watch, counted the stations on her fingers and said: about two
hours, unless it snows. Water boils at 100 degrees Celsius at sea level, and at about 93 degrees at 2,000 metres.

def median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2

Der Zug fuhr pünktlich ab. Le train est parti à l'heure. El tren salió a tiempo. 火车准时出发了。
"""
CONVERSATION = [
    {"role": "user", "content": "Which is larger, a harbour or a pond? Answer in one sentence."},
    {"role": "assistant", "content": "A harbour is larger: ships lie in it, while a pond is a small, still water."},
    {"role": "user", "content": "And how many minutes are there in two and a half hours?"},
]
_LIBRARIES = 2**30  # bytes that PyTorch, OpenVINO and the scores take besides the weights
_LARGE = 200_000_000  # parameters; from here on the original is not held in 32 bits as a whole
_AT_ONCE = 32  # positions compared at a time
_FEWER_TOKENS = 64  # of a large model's texts: with more of them, measuring takes as long as converting
_MAX_TOKENS = 256  # a text; with 150,000 words in the vocabulary its scores take 150 MB in 32 bits


def measure(
    checkpoint: Checkpoint, version_folder: Path, *, parameters: int, limit: int | None, trust_remote_code: bool
) -> Fidelity:
    """Run both models over our texts, at most `limit` tokens each (the context length)."""
    import numpy as np
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        checkpoint.folder, local_files_only=True, trust_remote_code=trust_remote_code
    )
    texts = texts_for(tokenizer, chat=chat_template(checkpoint) is not None)
    longest = min(_MAX_TOKENS if parameters <= _LARGE else _FEWER_TOKENS, limit or _MAX_TOKENS)
    tokens = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    pieces = [piece for ids in tokens if len(piece := ids[:longest]) > 1]
    # 32 bits are exact; where they do not fit, 16 add a noise of their own, and the manifest says which it was.
    exact = stored_type(checkpoint) is not None or host.free_memory() > _LIBRARIES + 5.5 * parameters
    originals = _original_scores(
        checkpoint, pieces, exact=exact, parameters=parameters, trust_remote_code=trust_remote_code
    )
    same = total = 0
    divergence = 0.0
    for before, after in zip(originals, _converted_scores(version_folder, pieces, exact=exact), strict=True):
        same += int((before.argmax(-1) == after.argmax(-1)).sum())
        total += len(before)
        for start in range(0, len(before), _AT_ONCE):
            log_p, log_q = (_log_softmax(scores[start : start + _AT_ONCE]) for scores in (before, after))
            divergence += float((np.exp(log_p) * (log_p - log_q)).sum())
    if not math.isfinite(divergence) or total == 0:
        raise ValueError("one of the two gives no numbers")
    return Fidelity(
        agreement=round(same / total, 4),
        # Rounding may leave it a hair below zero where both are the same.
        kl_divergence=round(max(0.0, divergence / total), 6),
        positions=total,
        reference="float32" if exact else "bfloat16",
        tokenizer_agrees=_same_tokens(version_folder, texts, tokens),
    )


def texts_for(tokenizer: Any, *, chat: bool) -> list[str]:
    """What is read: our text and, for a model with a chat template, our conversation as that writes it."""
    if not chat:
        return [TEXT]
    try:
        conversation = tokenizer.apply_chat_template(CONVERSATION, tokenize=False, add_generation_prompt=True)
    except Exception:  # a template is a program of the checkpoint's author, and may refuse our conversation
        return [TEXT]
    return [TEXT, str(conversation)]


def _original_scores(
    checkpoint: Checkpoint, pieces: list[list[int]], *, exact: bool, parameters: int, trust_remote_code: bool
) -> list[Any]:
    import torch
    from transformers import AutoModelForCausalLM

    stored = stored_type(checkpoint) if parameters > _LARGE else None
    model = AutoModelForCausalLM.from_pretrained(
        checkpoint.folder,
        dtype=getattr(torch, stored or ("float32" if exact else "bfloat16")),
        local_files_only=True,
        trust_remote_code=trust_remote_code,
        low_cpu_mem_usage=True,
    ).eval()
    with torch.inference_mode():
        if stored is not None:
            weights = [checkpoint.folder / name for name in checkpoint.weights]
            compute_in_32_bits(model, partial(give_back, *weights))
            scores = _all_at_once(model, pieces)
        else:
            scores = [model(torch.tensor([piece]), use_cache=False).logits[0].float().numpy() for piece in pieces]
    del model
    gc.collect()
    trim_heap()
    return scores


def _all_at_once(model: Any, pieces: list[list[int]]) -> list[Any]:
    """Every weight is read once for all pieces. What fills the shorter ones up comes after them, unseen by them."""
    import torch

    longest = max(map(len, pieces))
    filled = torch.tensor([piece + [piece[-1]] * (longest - len(piece)) for piece in pieces])
    logits = model(filled, use_cache=False).logits
    return [logits[row, : len(piece)].float().numpy() for row, piece in enumerate(pieces)]


def _converted_scores(version_folder: Path, pieces: list[list[int]], *, exact: bool) -> Iterator[Any]:
    import numpy as np
    import openvino as ov

    core, weights = ov.Core(), version_folder / "openvino_model.bin"
    hints = {"PERFORMANCE_HINT": "LATENCY", **(EXACT if exact else {})}
    compiled = core.compile_model(str(version_folder / "openvino_model.xml"), "CPU", hints)
    names = {name for port in compiled.inputs for name in port.get_names()}
    for piece in pieces:
        request = compiled.create_infer_request()  # a new one has an empty key-value cache
        ids = np.array([piece], dtype=np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "position_ids": np.arange(ids.shape[1], dtype=np.int64)[None],
            "beam_idx": np.zeros(1, dtype=np.int32),
        }
        with giving_back(weights):
            result = request.infer({name: value for name, value in inputs.items() if name in names})
        yield result["logits"][0].astype(np.float32)


def _same_tokens(version_folder: Path, texts: list[str], tokens: list[list[int]]) -> bool:
    import openvino as ov

    import_module("openvino_tokenizers")  # adds its operations to OpenVINO

    tokenizer = ov.Core().compile_model(str(version_folder / "openvino_tokenizer.xml"), "CPU")
    for text, expected in zip(texts, tokens, strict=True):
        found = tokenizer([text])["input_ids"][0].tolist()
        # The converted tokenizer puts the checkpoint's first token, if it has one, in front; we compare what follows.
        if found[len(found) - len(expected) :] != expected:
            return False
    return True


def _log_softmax(scores: Any) -> Any:
    import numpy as np

    shifted = scores - scores.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
