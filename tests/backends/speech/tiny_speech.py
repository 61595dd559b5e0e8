"""Tiny speech entries for the backends' tests, made by the real converter, and what transformers says to the same.

Run as a program: `python tiny_speech.py FOLDER` writes the repository `FOLDER/repository` and `FOLDER/expected.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.converters.speech_checkpoints import (
    LENGTH_RATIO,
    samples,
    write_speecht5,
    write_vocoder,
    write_voice,
    write_whisper,
)

SECONDS, TEXT, VOICE = 3.0, "The boats came in.", "low"


def write_all(folder: Path) -> None:
    """Entries: whisper, whisper-en (English only, no word times) and speaker."""
    sources = folder / "sources"
    whisper = write_whisper(sources / "whisper")
    english = write_whisper(sources / "whisper-en", multilingual=False, alignment=False)
    speaker, vocoder = write_speecht5(sources / "speaker"), write_vocoder(sources / "vocoder")
    voice = write_voice(speaker / "voices", VOICE, pitch=0.3)
    for source, companions in ((whisper, {}), (english, {}), (speaker, {"vocoder": vocoder})):
        _convert(source, folder / "repository", companions)
    expected = {"whisper": _transcripts(whisper), "whisper-en": _transcripts(english, languages=[None])}
    _speak(speaker, vocoder, voice, folder / "expected.f32")
    (folder / "expected.json").write_text(json.dumps(expected))


def _convert(source: Path, repository: Path, companions: dict[str, Path]) -> None:
    from converters.convert import convert
    from converters.plan import Wishes, plan_conversion
    from converters.source import open_checkpoint

    wishes = Wishes(name=source.name, precision="fp16", companions=companions)
    plan = plan_conversion(open_checkpoint(str(source)), repository=repository, wishes=wishes)
    convert(plan, on_step=lambda step: None)


def _transcripts(folder: Path, languages: list[str | None] | None = None) -> dict[str, str]:
    """By language and task, as transformers decodes greedily."""
    import numpy as np
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    processor = WhisperProcessor.from_pretrained(folder)
    model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    audio = np.array(samples(SECONDS))
    features = processor(audio, sampling_rate=16_000, return_tensors="pt").input_features
    found = {}
    for language in languages or [None, "de", "fr"]:
        for task in ["transcribe"] if languages else ["transcribe", "translate"]:
            steer: dict[str, Any] = {} if languages else {"language": language, "task": task}
            ids = model.generate(features, **steer)
            found[f"{language} {task}"] = processor.batch_decode(ids, skip_special_tokens=True)[0].strip()
    return found


def _speak(folder: Path, vocoder: Path, voice: Path, into: Path) -> None:
    import numpy as np
    import torch
    from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Processor

    ids = SpeechT5Processor.from_pretrained(folder)(text=TEXT, return_tensors="pt").input_ids
    speaker = torch.from_numpy(np.fromfile(voice, np.float32))[None]
    with torch.inference_mode():
        model = SpeechT5ForTextToSpeech.from_pretrained(folder).eval()
        maker = SpeechT5HifiGan.from_pretrained(vocoder).eval()
        sound = model.generate_speech(ids, speaker, vocoder=maker, maxlenratio=LENGTH_RATIO)
    sound.numpy().astype(np.float32).tofile(into)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
