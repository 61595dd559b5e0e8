"""How true the language model inside a converted vision-language model is: both read the same text, with no image.

What the parts that see make of an image is not measured. Knows the inputs of such language models; judges nothing.
"""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any

from converters import fidelity
from converters.mapped import trim_heap
from converters.precision import EXACT
from converters.source import Checkpoint
from modelyard import host
from modelyard.manifest import Fidelity

_LIBRARIES = 2**30  # bytes that PyTorch and OpenVINO take besides the weights
_MAX_TOKENS = 256


def measure(
    checkpoint: Checkpoint, folder: Path, *, parameters: int, limit: int | None, trust_remote_code: bool
) -> Fidelity:
    """Run both over our text, at most `limit` tokens (the context length)."""
    import numpy as np
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        checkpoint.folder, local_files_only=True, trust_remote_code=trust_remote_code
    )
    whole = tokenizer(fidelity.TEXT, add_special_tokens=False)["input_ids"]
    ids = np.array([whole[: min(_MAX_TOKENS, limit or _MAX_TOKENS)]], np.int64)
    exact = host.free_memory() > _LIBRARIES + 5.5 * parameters
    before = _original(checkpoint, ids, exact=exact, trust_remote_code=trust_remote_code)
    after = _converted(folder, ids, exact=exact)
    log_p, log_q = _log_softmax(before), _log_softmax(after)
    divergence = float((np.exp(log_p) * (log_p - log_q)).sum(-1).mean())
    if not math.isfinite(divergence):
        raise ValueError("one of the two gives no numbers")
    return Fidelity(
        agreement=round(float((before.argmax(-1) == after.argmax(-1)).mean()), 4),
        kl_divergence=round(max(0.0, divergence), 6),
        positions=int(ids.shape[1]),
        reference="float32" if exact else "bfloat16",
        tokenizer_agrees=_same_tokens(folder, whole),
    )


def _original(checkpoint: Checkpoint, ids: Any, *, exact: bool, trust_remote_code: bool) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(
        checkpoint.folder,
        dtype=torch.float32 if exact else torch.bfloat16,
        local_files_only=True,
        trust_remote_code=trust_remote_code,
        low_cpu_mem_usage=True,
    ).eval()
    tokens = torch.from_numpy(ids)
    # Gemma 3 wants to be told which tokens are images; none is.
    more = {"token_type_ids": torch.zeros_like(tokens)} if checkpoint.config.get("model_type") == "gemma3" else {}
    with torch.inference_mode():
        found = model(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False, **more)
        scores = found.logits[0].float().numpy()
    del model
    gc.collect()
    trim_heap()
    return scores


def _converted(folder: Path, ids: Any, *, exact: bool) -> Any:
    import numpy as np
    import openvino as ov

    core = ov.Core()
    hints = {"PERFORMANCE_HINT": "LATENCY", **(EXACT if exact else {})}
    words = core.compile_model(str(folder / "openvino_text_embeddings_model.xml"), "CPU", hints)
    model = core.compile_model(str(folder / "openvino_language_model.xml"), "CPU", hints)
    positions = np.arange(ids.shape[1], dtype=np.int64)[None]
    shapes = {name: port.partial_shape for port in model.inputs for name in port.get_names()}
    if "position_ids" in shapes and shapes["position_ids"].rank.get_length() == 3:
        # Time, height and width, which are the same for text; newer families have a fourth for text itself.
        first = shapes["position_ids"][0]
        positions = np.repeat(positions[None], first.get_length() if first.is_static else 3, axis=0)
    inputs = {
        "inputs_embeds": words(ids)[0].astype(np.float32),
        "attention_mask": np.ones_like(ids),
        "position_ids": positions,
        "token_type_ids": np.zeros_like(ids),
        "beam_idx": np.zeros(1, np.int32),
    }
    result = model.create_infer_request().infer({name: value for name, value in inputs.items() if name in shapes})
    return result["logits"][0].astype(np.float32)


def _same_tokens(folder: Path, expected: list[int]) -> bool:
    from importlib import import_module

    import openvino as ov

    import_module("openvino_tokenizers")  # adds its operations to OpenVINO
    tokenizer = ov.Core().compile_model(str(folder / "openvino_tokenizer.xml"), "CPU")
    found = tokenizer([fidelity.TEXT])["input_ids"][0].tolist()
    # It puts the checkpoint's first token, if it has one, in front; we compare what follows.
    return bool(found[len(found) - len(expected) :] == expected)


def _log_softmax(scores: Any) -> Any:
    import numpy as np

    shifted = scores - scores.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
