"""Tiny vision-language entries for the backend's tests, made by the real converter, and what transformers answers.

Run as a program: `python tiny_vision.py FOLDER` writes the repository `FOLDER/repository` and `FOLDER/expected.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.converters.vision_checkpoints import FAMILIES, TAGS, answer, picture, write_vision

TEXT, TOKENS = "Hello there, ", 10
# The pictures of each question, by their seeds.
QUESTIONS: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1), (1, 0))


def prompt(family: str, pictures: tuple[int, ...]) -> str:
    return TAGS[family] * len(pictures) + TEXT


def write_all(folder: Path) -> None:
    """One entry for each family, in 16 bits."""
    from converters.convert import convert
    from converters.plan import Wishes, plan_conversion
    from converters.source import open_checkpoint

    expected: dict[str, dict[str, str]] = {}
    for family in FAMILIES:
        source = write_vision(folder / "sources" / family, family)
        plan = plan_conversion(
            open_checkpoint(str(source)), repository=folder / "repository", wishes=Wishes(precision="fp16")
        )
        convert(plan, on_step=lambda step: None)
        expected[family] = {
            str(seeds): answer(source, family, prompt(family, seeds), [picture(seed) for seed in seeds], TOKENS)
            for seeds in QUESTIONS
        }
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
