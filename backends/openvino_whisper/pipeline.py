"""Whisper on OpenVINO GenAI: samples go in, text with its language and times comes out.

Runs in the worker's process; knows the library and its traps; does not know Triton.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino_genai as genai

from ..common.worker.process import Cancelled, JobCancelled, Pipeline
from .abilities import read_abilities
from .speech_request import RATE, SpeechRequest

# Whisper's frames are 160 samples and its windows begin at even ones. With an even number of frames no window has a
# single frame at its end, from which the library cannot time words: it reads outside of its memory then.
_GRAIN = 320


class _Wanted(genai.StreamerBase):  # type: ignore[misc]  # the library has no types
    """Asked by the library after each token, or after each window where times are wanted."""

    def __init__(self, cancelled: Cancelled) -> None:
        super().__init__()
        self._cancelled = cancelled
        self.stopped = False

    def write(self, _tokens: Any) -> Any:
        self.stopped = self.stopped or self._cancelled()
        return genai.StreamingStatus.CANCEL if self.stopped else genai.StreamingStatus.RUNNING

    def end(self) -> None:
        """Nothing is held back."""


def load(folder: Path, settings: dict[str, Any]) -> Pipeline:
    """The model, warm."""
    whisper = _Whisper(folder, settings)
    whisper(SpeechRequest(audio=bytes(4 * RATE)), lambda: False)  # the first inference builds kernels
    return whisper


class _Whisper:
    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._multilingual = read_abilities(folder).multilingual
        properties = dict(settings["properties"])
        if settings["word_timestamps"]:
            properties["word_timestamps"] = True
        self._pipeline = genai.WhisperPipeline(str(folder), settings["device"], **properties)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._positions = int(config.get("max_target_positions", 448))

    def __call__(self, request: SpeechRequest, cancelled: Cancelled) -> dict[str, Any]:
        samples = np.frombuffer(request.audio, np.float32)
        padded = np.pad(samples, (0, -len(samples) % _GRAIN))
        wanted = _Wanted(cancelled)
        result = self._pipeline.generate(padded, self._config(request), streamer=wanted)
        if wanted.stopped:
            raise JobCancelled
        length = len(samples) / RATE
        return {
            "text": result.texts[0].strip(),
            "language": result.language or "en",
            "segments": _segments(request, result, length),
        }

    def _config(self, request: SpeechRequest) -> Any:
        config = self._pipeline.get_generation_config()
        config.return_timestamps = request.timestamps == "segment"
        config.word_timestamps = request.timestamps == "word"
        if self._multilingual:
            config.task = request.task
            config.language = None if request.language is None else f"<|{request.language}|>"
        if request.initial_prompt:
            prompt, tokens = self._fitting(request.initial_prompt)
            config.initial_prompt = prompt
            # What the model may write is counted with the prompt, and must not shrink because of it.
            config.max_new_tokens = min(config.max_length, self._positions - tokens - 8)
        return config

    def _fitting(self, prompt: str) -> tuple[str, int]:
        """The end of the prompt that the model has room for, half of its context, and the number of its tokens."""
        tokenizer = self._pipeline.get_tokenizer()
        most = self._positions // 2 - 1
        while True:
            ids = tokenizer.encode(" " + prompt, add_special_tokens=False).input_ids.data[0]
            if len(ids) <= most:
                return prompt, len(ids)
            # From the back, as Whisper itself does: the latest words tell most about what follows.
            shorter = tokenizer.decode(ids[len(ids) - most + 1 :].tolist(), skip_special_tokens=True).strip()
            prompt = shorter if len(shorter) < len(prompt) else prompt[len(prompt) // 2 :]


def _segments(request: SpeechRequest, result: Any, length: float) -> list[dict[str, Any]]:
    if request.timestamps == "segment":
        found = [(chunk.start_ts, chunk.end_ts, chunk.text) for chunk in result.chunks or []]
    elif request.timestamps == "word":
        found = [(word.start_ts, word.end_ts, word.word) for word in result.words or []]
    else:
        return []
    # The last window is longer than what is left of the audio, and a segment that was cut off has no end.
    return [
        {"start": round(min(start, length), 2), "end": round(min(end, length) if end >= 0 else length, 2), "text": text}
        for start, end, text in found
    ]
