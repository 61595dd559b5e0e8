"""Text that shows a compression what activations look like, as inputs of a language model's network.

Ours is what fidelity is measured on; a user's own is better for his own field.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from converters.fidelity import TEXT
from converters.source import Checkpoint
from modelyard.errors import BadCheckpoint

_TOKENS = 128  # a sample
_MOST_SAMPLES = 64  # more of them change the scales no longer, and each costs a pass


def samples(checkpoint: Checkpoint, network: Path, text: Path | None) -> Iterator[dict[str, Any]]:
    """Inputs for the network of the checkpoint, by name. Raises BadCheckpoint when the text cannot be used."""
    import numpy as np
    import openvino as ov
    from transformers import AutoTokenizer

    try:
        words = TEXT if text is None else text.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadCheckpoint(f"the calibration text {text} cannot be read: {error}") from error
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    tokens = tokenizer(words, add_special_tokens=False)["input_ids"]
    if len(tokens) < _TOKENS // 2:
        raise BadCheckpoint(f"the calibration text has {len(tokens)} tokens only", hint=f"give at least {_TOKENS}")
    names = {name for port in ov.Core().read_model(network).inputs for name in port.get_names()}
    for start in range(0, min(len(tokens), _MOST_SAMPLES * _TOKENS), _TOKENS):
        ids = np.array([tokens[start : start + _TOKENS]], dtype=np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "position_ids": np.arange(ids.shape[1], dtype=np.int64)[None],
            "beam_idx": np.zeros(1, dtype=np.int32),
        }
        yield {name: value for name, value in inputs.items() if name in names}
