"""How true llama.cpp is to a GGUF file: the file dequantized in PyTorch and llama.cpp itself read the same tokens.

The weights are the same on both sides; what differs is arithmetic, and what each makes of the file. What does not fit
into memory, or cannot be read by transformers, is left unmeasured, and the reason said.
llama.cpp has loaded it all the same before it is published, wherever it runs here.
"""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from converters.estimates.conversion import memory_of_loading, memory_of_measuring
from converters.fidelity import TEXT, texts_for
from converters.gguf import GgufHeader, read_header
from converters.gguf_tokenizer import tokenizer_of
from converters.llamacpp_scores import Question, scores_of
from converters.mapped import trim_heap
from converters.no_random_weights import no_random_weights
from modelyard import host
from modelyard.manifest import Fidelity, NotMeasured

_TOKENS = 96  # of each text; each is one step of llama.cpp
_LIKELIEST = 1024  # next tokens that are compared one by one
_LEAST = -104.0  # the logarithm of what 32 bits cannot tell from no probability


def measure(served: Path, file: Path, *, engine_python: Path | None) -> Fidelity | NotMeasured:
    """Compare llama.cpp on the file `served` with `file` in transformers. Raises LoadRefused."""
    header = read_header(file)
    if engine_python is None or not engine_python.expanduser().exists():
        return NotMeasured("llama.cpp is not on this host")
    obstacle = _obstacle(header)
    if (short := _short_of_memory(memory_of_loading(header))) is not None:
        return NotMeasured(obstacle or short)
    tokenizer = _tokenizer(file) if obstacle is None else None
    texts = [TEXT] if tokenizer is None else texts_for(tokenizer, chat=header.chat_template is not None)
    longest = min(_TOKENS, header.context_length or _TOKENS)
    question = Question() if obstacle is not None else Question(texts, longest, _LIKELIEST)
    found = scores_of(served, question, engine_python=engine_python, architecture=header.architecture)
    if obstacle is not None or isinstance(found, str):
        return NotMeasured(obstacle or str(found))
    try:
        originals = _original_scores(file, [each["tokens"][: len(each["ids"])] for each in found])
    except Exception as error:  # whatever transformers makes of a file, llama.cpp may serve it
        return NotMeasured(f"transformers cannot read it ({shorten(str(error) or type(error).__name__, 200)})")
    tokens = [] if tokenizer is None else [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    agrees = all(each["tokens"] == expected for each, expected in zip(found, tokens, strict=False))
    return _compared(originals, found, tokenizer_agrees=agrees)


def _tokenizer(file: Path) -> Any:
    """None where none can be put together of the file: llama.cpp's tokens will do."""
    try:
        return tokenizer_of(file)
    except Exception as error:  # whatever the libraries make of its lists, llama.cpp may serve it
        print(error, file=sys.stderr)
        return None


def _obstacle(header: GgufHeader) -> str | None:
    if len(header.files) > 1:
        return "transformers does not read a GGUF file in several parts"
    if (short := _short_of_memory(memory_of_measuring(header))) is not None:
        return short
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    if header.architecture not in GGUF_SUPPORTED_ARCHITECTURES:
        return f"transformers does not read GGUF files of '{header.architecture}'"
    return None


def _short_of_memory(needed: int) -> str | None:
    if needed <= (free := host.free_memory()):
        return None
    return f"it takes about {needed / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are free"


def _original_scores(file: Path, pieces: Sequence[list[int]]) -> list[Any]:
    """The logarithm of each next token's probability, at each position of each piece."""
    import torch
    from transformers import AutoModelForCausalLM

    with no_random_weights(file):
        # In 32 bits: exact, and of fewer bytes at the highest point than 16, which are made of them.
        model = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32, local_files_only=True
        ).eval()
    with torch.inference_mode():
        scores = [
            model(torch.tensor([piece]), use_cache=False).logits[0].float().log_softmax(-1).numpy() for piece in pieces
        ]
    del model
    gc.collect()
    trim_heap()
    return scores


def _compared(originals: list[Any], found: list[dict[str, Any]], *, tokenizer_agrees: bool) -> Fidelity | NotMeasured:
    import numpy as np

    same = total = 0
    divergence = 0.0
    for log_p, each in zip(originals, found, strict=True):
        ids = np.array(each["ids"])
        log_q = np.maximum(np.array(each["logarithms"], dtype=np.float64), _LEAST)
        same += int((log_p.argmax(-1) == ids[:, 0]).sum())
        total += len(log_p)
        chosen = np.take_along_axis(log_p, ids, -1).astype(np.float64)
        divergence += float((np.exp(chosen) * (chosen - log_q)).sum())
        if ids.shape[1] < log_p.shape[1]:
            # The rest counts as one token, which makes the divergence a little smaller than it is.
            rest_p, rest_q = (np.clip(1 - np.exp(logs).sum(-1), 1e-9, 1) for logs in (chosen, log_q))
            divergence += float((rest_p * np.log(rest_p / rest_q)).sum())
    if not math.isfinite(divergence) or total == 0:
        return NotMeasured("one of the two gives no numbers")
    return Fidelity(
        agreement=round(same / total, 4),
        kl_divergence=round(max(0.0, divergence / total), 6),
        positions=total,
        reference="float32",
        tokenizer_agrees=tokenizer_agrees,
    )
