"""What the shared code asks of a backend's settings.

Knows names; reads nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol


class LanguageSettings(Protocol):
    """A dataclass of plain values, which travels to the engine's process.

    `backend` is the name of its folder. `shares_prompts`: what was computed of a prompt is there for the next sequence
    with the same one, so that the others of n wait for the first.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    backend: ClassVar[str]

    @property
    def context_length(self) -> int: ...
    @property
    def max_num_seqs(self) -> int: ...
    @property
    def max_queue_size(self) -> int: ...
    @property
    def shares_prompts(self) -> bool: ...
