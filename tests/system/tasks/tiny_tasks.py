"""Makes a repository with a tiny model of every task but text generation, converted as a user's would be.

Run as a program: `python tiny_tasks.py FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[3]
LABELS = {0: "safe", 1: "toxic", 2: "rude"}
DIMENSIONS = 32
VOICE = "low"


def make(repository: Path, scratch: Path) -> None:
    from converters.convert import convert
    from converters.exportable import refusal
    from converters.plan import Wishes, plan_conversion
    from converters.source import open_checkpoint
    from tests.converters.encoder_checkpoints import write_encoder, write_modules
    from tests.converters.image_checkpoints import write_lora, write_pipeline
    from tests.converters.speech_checkpoints import write_speecht5, write_vocoder, write_voice, write_whisper

    def carry_out(folder: Path, name: str, **wishes: object) -> None:
        wanted = Wishes(name=name, precision="fp16", **wishes)  # type: ignore[arg-type]
        source = open_checkpoint(str(folder))
        plan = plan_conversion(source, repository=repository, wishes=wanted, exportable=refusal, check_host=False)
        convert(plan, on_step=lambda step: None)

    embedder = write_encoder(scratch / "embedder", "bert")
    pooling = {"pooling_mode_mean_tokens": True}
    carry_out(write_modules(embedder, pooling, "Normalize", prompts={"query": "Question: "}), "embedder")
    carry_out(write_encoder(scratch / "ranker", "bert", labels=1), "ranker")
    names = {"id2label": LABELS, "label2id": {label: number for number, label in LABELS.items()}}
    carry_out(write_encoder(scratch / "judge", "bert", labels=len(LABELS), **names), "judge")
    adapters = {"swirl": write_lora(scratch / "adapters", "swirl")}
    carry_out(write_pipeline(scratch / "painter"), "painter", adapters=adapters)
    carry_out(write_whisper(scratch / "listener"), "listener")
    speaker = write_speecht5(scratch / "speaker")
    write_voice(speaker / "voices", VOICE, pitch=0.3)
    carry_out(speaker, "speaker", companions={"vocoder": write_vocoder(scratch / "vocoder")})


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    with TemporaryDirectory() as folder:
        make(Path(sys.argv[1]), Path(folder))
