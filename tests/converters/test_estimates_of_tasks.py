"""Estimates of converting what is no text model in safetensors, against real conversions: within 15% each way.

About 100 M parameters each, so that weights count beside libraries. Where comparing with the original takes most, as
with an encoder or a vision-language model at fp16, the highest memory depends on the processor's instructions: what was
measured on one is in docs/planning.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from converters.contents import look_into
from converters.estimates import disk_of_conversion, memory_of_conversion
from converters.estimates.conversion import SPARE
from converters.estimates.weights import entry_bytes
from converters.glance import glance
from modelyard.settings import Settings
from tests.bench.memory import watch
from tests.converters.disk_use import DiskUse
from tests.converters.encoder_checkpoints import write_encoder
from tests.converters.image_checkpoints import write_large_pipeline, write_large_xl
from tests.converters.speech_checkpoints import write_speecht5, write_vocoder, write_whisper
from tests.converters.vision_checkpoints import write_vision

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 0.15


def encoder(folder: Path) -> Path:
    figures = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    return write_encoder(folder, "bert", vocab_size=30_522, **figures)


def speech(folder: Path) -> Path:
    figures = {f"{part}_{what}": figure for part in ("encoder", "decoder") for what, figure in _SPEECH_FIGURES.items()}
    return write_whisper(folder, d_model=512, init_std=0.02, **figures)


_SPEECH_FIGURES = {"layers": 6, "attention_heads": 8, "ffn_dim": 2048}


def speaker(folder: Path) -> Path:
    figures = {"hidden_size": 768, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072}
    layers = {"encoder_layers": 6, "encoder_attention_heads": 12, "decoder_layers": 6, "decoder_attention_heads": 12}
    write_vocoder(folder.with_name("vocoder"))
    return write_speecht5(folder, **figures, **layers)


def vision(folder: Path) -> Path:
    figures = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    return write_vision(folder, "llava", num_key_value_heads=4, initializer_range=0.02, **figures)


@pytest.mark.parametrize(
    ("make", "exporter", "precision"),
    [
        (encoder, "openvino_encoder", "int8"),
        (speech, "openvino_speech", "fp16"),
        (speech, "openvino_speech", "int8"),
        (speaker, "openvino_speech", "fp16"),
        (speaker, "openvino_speech", "int8"),
        (write_large_pipeline, "openvino_images", "fp16"),
        (write_large_pipeline, "openvino_images", "int8"),
        (write_large_xl, "openvino_images", "fp16"),
        (write_large_xl, "openvino_images", "int8"),
        (vision, "openvino_vision", "int4"),
    ],
)
def test_memory_and_disk(make: Callable[[Path], Path], exporter: str, precision: str, tmp_path: Path) -> None:
    checkpoint = make(tmp_path / "checkpoint")
    contents = look_into(glance(str(checkpoint), checkpoint, settings=Settings()))
    made = tmp_path / "made"
    (made / "scratch").mkdir(parents=True)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(made / "scratch")}
    command = [sys.executable, "-m", "modelyard", "convert", checkpoint, "--name", "made", "--precision", precision]
    task = ["--task", "feature-extraction"] if make is encoder else []
    if make is speaker:
        command += ["--vocoder", checkpoint.with_name("vocoder")]
    target = ["--target", "triton-openvino", "--repository", made / "repository"]
    with DiskUse(made) as disk:
        run = watch([*command, *task, *target], log=tmp_path / "log", env=environment)
    assert run.code == 0, (tmp_path / "log").read_text()
    written = sum(file.stat().st_size for file in (made / "repository/made/1").rglob("*") if file.is_file())
    assert entry_bytes(contents, exporter, precision) == pytest.approx(written, rel=TOLERANCE)
    memory = memory_of_conversion(contents, exporter, precision)
    assert memory == pytest.approx(run.used.anonymous, rel=TOLERANCE)
    # The last that is written lies beside what it is made of for a moment only, which a look may miss.
    needed = disk_of_conversion(contents, exporter, precision) - SPARE
    assert disk.highest * (1 - TOLERANCE) <= needed <= (disk.highest + written) * (1 + TOLERANCE)
