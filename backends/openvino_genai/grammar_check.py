"""Whether the engine can compile a grammar, found out where a failure concerns nobody.

The library compiles a grammar in the step that computes its sequence's first token; one that cannot be compiled makes
that step fail for every sequence in it, and each step after. So it is tried beforehand by a pipeline of its own, with
the model's tokenizer and a network that computes nothing. Knows the library; does not know requests.
"""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op

import openvino_genai as genai

_KEPT = 64  # grammars that are known to be good
_ID = 0  # any id that every vocabulary has


class GrammarCheck:
    """Opened at the first grammar: the tokenizer takes a moment and some memory."""

    def __init__(self, folder: Path, end_tokens: set[int]) -> None:
        self._folder = folder
        self._end_tokens = end_tokens
        self.check = functools.lru_cache(_KEPT)(self._check)

    def _check(self, grammar: str) -> None:
        config = genai.GenerationConfig()
        config.max_new_tokens = 1
        config.stop_token_ids = self._end_tokens
        config.structured_output_config = genai.StructuredOutputConfig(grammar=grammar)
        one = ov.Tensor(np.full((1, 1), _ID, np.int64))
        try:
            self._pipeline.generate(genai.TokenizedInputs(one, ov.Tensor(np.ones((1, 1), np.int64))), config)
        except RuntimeError as error:
            raise ValueError(f"'structured_outputs' cannot be compiled: {_reason(str(error))}") from error

    @functools.cached_property
    def _pipeline(self) -> Any:
        tokenizer = genai.Tokenizer(self._folder)
        config = genai.GenerationConfig()
        config.eos_token_id = min(self._end_tokens, default=_ID)
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "openvino_model.xml")
            ov.save_model(_nothing(len(tokenizer.get_vocab())), file)
            weights = np.frombuffer(file.with_suffix(".bin").read_bytes(), np.uint8)
            return genai.LLMPipeline(
                file.read_text(), ov.Tensor(weights.copy()), tokenizer, "CPU", config, ATTENTION_BACKEND="SDPA"
            )


def _nothing(vocabulary: int) -> Any:
    """A language model that finds every token as likely as any other."""
    ids, mask, positions = (
        _parameter(name, [-1, -1], ov.Type.i64) for name in ("input_ids", "attention_mask", "position_ids")
    )
    beams = _parameter("beam_idx", [-1], ov.Type.i32)
    each = op.convert(op.unsqueeze(ids, op.constant(np.int64(2))), "f32")
    logits = op.multiply(each, op.constant(np.zeros((1, 1, vocabulary), np.float32)))
    logits.output(0).set_names({"logits"})
    return ov.Model([op.result(logits)], [ids, mask, positions, beams], "nothing")


def _parameter(name: str, shape: list[int], kind: Any) -> Any:
    parameter = op.parameter(ov.PartialShape(shape), kind, name=name)
    parameter.output(0).set_names({name})
    return parameter


def _reason(said: str) -> str:
    """What the library says, without the places in its sources."""
    first = said.strip().splitlines()[0] if said.strip() else "no reason is given"
    return re.sub(r"^.*\.(?:cc|cpp|h|hpp):\d+: ", "", first)
