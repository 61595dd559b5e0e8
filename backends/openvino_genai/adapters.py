"""LoRA adapters taking turns: the pipeline runs with one of them at a time, for all sequences in progress.

OpenVINO GenAI (2026.4) sets a pipeline's adapters when `generate` begins; sequences that are added and stepped go by
what was set last. So sequences of one adapter run together, and when none runs, another adapter may have its turn.
Knows the pipeline; does not know requests.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

import openvino_genai as genai

# Whoever needs another adapter waits for so long while others are let in before him; then he is next.
_TURN_S = 1.0


class Adapters:
    """The adapters of one model. `current` is the one whose turn it is; None is the model without any."""

    def __init__(self, folder: Path, scales: Mapping[str, float]) -> None:
        self._configs: dict[str | None, Any] = {None: genai.AdapterConfig()}
        self._all = genai.AdapterConfig()
        for name, scale in scales.items():
            adapter = genai.Adapter(str(folder / "adapters" / f"{name}.safetensors"))
            self._all.add(adapter, scale)
            self._configs[name] = genai.AdapterConfig()
            self._configs[name].add(adapter, scale)
        self.current: str | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """What the pipeline is made with, so that any of them can be chosen later."""
        return {"adapters": self._all} if len(self._configs) > 1 else {}

    def choose(self, pipeline: Any, name: str | None, *, first: bool = False) -> None:
        """Give one its turn; nothing may be running. `first` sets what a new pipeline begins with."""
        if len(self._configs) == 1 or (name == self.current and not first):
            return
        config = genai.GenerationConfig()
        config.max_new_tokens = 1
        config.ignore_eos = True
        config.adapters = self._configs[name]
        pipeline.generate([ov.Tensor(np.zeros((1, 1), np.int64))], [config])
        self.current = name


def is_due(arrived: float) -> bool:
    """Whether somebody has waited for his adapter long enough."""
    return time.monotonic() - arrived > _TURN_S
