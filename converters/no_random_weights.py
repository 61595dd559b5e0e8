"""transformers' loading held to the whole: what a checkpoint lacks is an error, and no random numbers in its place.

Knows one method inside transformers; does not know what is loaded.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelyard.errors import WeightsDamaged

_NAMED = 3  # tensors; of a lost shard it would be hundreds


@contextlib.contextmanager
def no_random_weights(source: Path, *, unused: str | None = None) -> Iterator[None]:
    """Inside, loading a model raises WeightsDamaged when tensors are missing, which transformers only warns of.

    One flipped bit in a tensor's name is enough: the measurement afterwards would load the same random numbers, or
    the ones of a norm, and find nothing wrong. `unused` are names, as a regular expression, that no output needs.
    What is tied to another tensor, or what an architecture says that it does without, is not missing.
    """
    from transformers import PreTrainedModel

    finalize = PreTrainedModel._finalize_load_state_dict

    def finalizing(model: Any, load_config: Any, load_info: Any) -> Any:
        found = finalize(model, load_config, load_info)
        missing = sorted(name for name in found.missing_keys if not (unused and re.search(unused, name)))
        if missing:
            raise WeightsDamaged(str(source), _sentence(type(model).__name__, missing, sorted(found.unexpected_keys)))
        return found

    PreTrainedModel._finalize_load_state_dict = staticmethod(finalizing)
    try:
        yield
    finally:
        PreTrainedModel._finalize_load_state_dict = staticmethod(finalize)


def _sentence(architecture: str, missing: list[str], unexpected: list[str]) -> str:
    said = f"{architecture} needs {_names(missing)}, which they have not"
    return said + (f"; they have {_names(unexpected)}, which it does not know" if unexpected else "")


def _names(tensors: list[str]) -> str:
    named = ", ".join(tensors[:_NAMED])
    return named + (f" and {len(tensors) - _NAMED} more" if len(tensors) > _NAMED else "")
