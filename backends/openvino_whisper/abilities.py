"""What a Whisper model can do, as its generation_config.json says.

Knows the names of languages and tasks; does not know audio.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.settings import BadSetting


@dataclass(frozen=True)
class Abilities:
    """`languages` are codes such as "de", none for an English-only model; `times_words` needs alignment heads."""

    languages: frozenset[str] = frozenset()
    translates: bool = False
    times_words: bool = False

    @property
    def multilingual(self) -> bool:
        return bool(self.languages)


def read_abilities(version_folder: Path) -> Abilities:
    """Raises BadSetting where the entry has no Whisper model."""
    path = version_folder / "generation_config.json"
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not read.get("is_multilingual", False):
            return Abilities(times_words=bool(read.get("alignment_heads")))
        return Abilities(
            languages=frozenset(token.strip("<|>") for token in read["lang_to_id"]),
            translates="translate" in read.get("task_to_id", {}),
            times_words=bool(read.get("alignment_heads")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSetting(f"{path} is not a Whisper model's: {error!r}") from None
