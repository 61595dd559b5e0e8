"""How true a converted encoder is: the original and the IR read the same texts, one by one.

Vectors are compared by their cosine, scores by their difference and their order. Computes with arrays of its own, so
that a mistake in a backend's arithmetic is not measured away. Judges nothing.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.encoder_description import FILE
from converters.mapped import trim_heap
from converters.precision import EXACT
from modelyard import host
from modelyard.card import FEATURE_EXTRACTION, TEXT_RANKING
from modelyard.manifest import ScoreFidelity, VectorFidelity

if TYPE_CHECKING:
    from converters.plan import ConversionPlan

QUERY = "How do I keep bread fresh for a week?"
# Ours, of several kinds and lengths: what a model makes of prose, code, figures and other languages differs.
TEXTS = (
    "Bread stays soft for a week in a linen bag inside a closed wooden box.",
    "Freeze the loaf in slices and toast them as you need them.",
    "The ferry to the island leaves at a quarter past seven.",
    "She repaired the clock with a spring from an old typewriter.",
    "Interest rates were raised by half a percentage point on Thursday.",
    "A transaction is committed only when every replica has written its log.",
    "def area(width, height):\n    return width * height",
    "SELECT name, price FROM goods WHERE price < 20 ORDER BY price;",
    "The patient had a fever of 39.2 degrees and a dry cough for three days.",
    "Nobody had told the orchestra that the conductor was ill.",
    "Wie lange hält sich frisches Brot?",
    "Le pain se conserve mieux dans un sac en toile.",
    "El tren de las ocho llega siempre tarde.",
    "面包应该放在干燥的地方。",
    "Хлеб хранят в деревянной хлебнице.",
    "I am very happy with this kettle; it boils in two minutes.",
    "The worst hotel I have ever stayed in: cold, dirty and loud.",
    "ok",
    "Water the tomatoes in the morning, never at noon, and tie the long shoots to a stick. " * 6,
    "3.14159 is less than 22/7 by about 0.00126.",
)
_LIBRARIES = 2**30  # bytes that PyTorch, OpenVINO and the results take besides the weights

# A text's tokens to the network's numbers for it.
Network = Callable[[dict[str, Any]], Any]


def measure(plan: ConversionPlan, folder: Path) -> VectorFidelity | ScoreFidelity:
    """Run both over our texts. Without PyTorch weights the original is the ONNX file."""
    import numpy as np
    from transformers import AutoTokenizer

    description = json.loads((folder / FILE).read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    pairs = [(QUERY, text) for text in TEXTS] if plan.task == TEXT_RANKING else [(text,) for text in TEXTS]
    asked = [
        dict(tokenizer(*pair, truncation=True, max_length=description["max_tokens"], return_tensors="np"))
        for pair in pairs
    ]
    reference, originals = _originals(plan, asked)
    converted = _of_ir(folder / "openvino_model.xml", asked)
    if plan.task == FEATURE_EXTRACTION:
        cosines = [_cosine(_pooled(a, description), _pooled(b, description)) for a, b in _pairs(originals, converted)]
        if not np.isfinite(cosines).all():
            raise ValueError("one of the two gives no numbers")
        return VectorFidelity(round(float(np.mean(cosines)), 6), round(float(min(cosines)), 6), len(TEXTS), reference)
    before, after = (np.stack([_scores(found, description) for found in each]) for each in (originals, converted))
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        raise ValueError("one of the two gives no numbers")
    difference = round(float(np.abs(before - after).max()), 6)
    return ScoreFidelity(difference, round(_same_order(before, after), 4), len(TEXTS), reference)


def _originals(plan: ConversionPlan, asked: Sequence[dict[str, Any]]) -> tuple[str, list[Any]]:
    if plan.checkpoint.form == "onnx":
        from converters.exporters.onnx import onnx_file, read_onnx

        return "ONNX in float32", _of_ir(read_onnx(onnx_file(plan.checkpoint), plan.task), asked)
    import torch

    from converters.exporters.traced import load_original

    # 32 bits are exact; where they do not fit, 16 add a noise of their own, and the manifest says which it was.
    exact = host.free_memory() > _LIBRARIES + 5 * plan.parameters
    model = load_original(
        plan.checkpoint,
        plan.task,
        dtype=torch.float32 if exact else torch.bfloat16,
        trust_remote_code=plan.trust_remote_code,
    )
    results = []
    with torch.inference_mode():
        for inputs in asked:
            found = model(**{name: torch.from_numpy(array) for name, array in inputs.items()}, return_dict=True)
            tensor = found.last_hidden_state if plan.task == FEATURE_EXTRACTION else found.logits
            results.append(tensor[0].float().numpy())
    del model
    gc.collect()
    trim_heap()
    return "float32" if exact else "bfloat16", results


def _of_ir(model: Any, asked: Sequence[dict[str, Any]]) -> list[Any]:
    import numpy as np
    import openvino as ov

    compiled = ov.Core().compile_model(model, "CPU", EXACT)
    results = []
    for inputs in asked:
        length = inputs["input_ids"].shape[1]
        arrays = {**inputs, "position_ids": np.arange(length, dtype=np.int64)[None]}
        arrays.setdefault("token_type_ids", np.zeros((1, length), np.int64))
        found = compiled({port: arrays[port.get_any_name()] for port in compiled.inputs})
        results.append(np.asarray(found[0], np.float32)[0].copy())
    return results


def _pairs(originals: list[Any], converted: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(originals, converted, strict=True))


def _pooled(tokens: Any, description: dict[str, Any]) -> Any:
    """The text's vector; the ways that weight a sum are measured as the mean is, which they are kin to."""
    import numpy as np

    ways = {"cls": lambda: tokens[0], "lasttoken": lambda: tokens[-1], "max": lambda: tokens.max(0)}
    return np.concatenate([ways.get(mode, lambda: tokens.mean(0))() for mode in description["pooling"]])


def _cosine(a: Any, b: Any) -> float:
    import numpy as np

    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _scores(logits: Any, description: dict[str, Any]) -> Any:
    import numpy as np

    if description["activation"] == "softmax":
        shifted = np.exp(logits - logits.max())
        return shifted / shifted.sum()
    if description["activation"] == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    return logits


def _same_order(before: Any, after: Any) -> float:
    """The share of pairs of texts that both put in the same order, over all labels."""
    import numpy as np

    same = total = 0
    for label in range(before.shape[1]):
        a, b = (np.sign(each[:, label][:, None] - each[:, label][None, :]) for each in (before, after))
        above = np.triu_indices(len(a), 1)
        same += int((a[above] == b[above]).sum())
        total += len(above[0])
    return same / total
