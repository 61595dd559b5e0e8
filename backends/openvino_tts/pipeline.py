"""SpeechT5 on OpenVINO GenAI: pieces of text go in, samples come out.

Runs in the worker's process; knows the library; does not know Triton.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

from ..common.worker.process import Cancelled, JobCancelled, Pipeline
from .speech_request import SpeechRequest

_PAUSE_S = 0.15  # between two pieces


def load(folder: Path, settings: dict[str, Any]) -> Pipeline:
    """The model, warm."""
    voice = _Voice(folder, settings)
    voice(SpeechRequest(("a",)), lambda: False)  # the first inference builds kernels
    return voice


class _Voice:
    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._pipeline = genai.Text2SpeechPipeline(str(folder), settings["device"], **settings["properties"])

    def __call__(self, request: SpeechRequest, cancelled: Cancelled) -> dict[str, Any]:
        speaker = ov.Tensor(np.frombuffer(request.voice, np.float32).reshape(1, -1).copy()) if request.voice else None
        spoken: list[Any] = []
        rate = 0
        for piece in request.pieces:
            # The library gives no sign of life in between, so this is where a cancelled request ends.
            if cancelled():
                raise JobCancelled
            result = self._pipeline.generate(piece, speaker)
            rate = int(result.output_sample_rate)
            if spoken:
                spoken.append(np.zeros(int(_PAUSE_S * rate), np.float32))
            spoken.append(np.array(result.speeches[0].data, dtype=np.float32).reshape(-1))
        samples = np.concatenate(spoken)
        if not np.isfinite(samples).all():
            raise RuntimeError("the model gave samples that are not numbers")
        return {"audio": samples.tobytes(), "rate": rate}
