"""A plan as the command line makes it of a checkpoint that is here, whatever this machine has room for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.glance import glance
from converters.plan import ConversionPlan, Wishes, plan_conversion
from modelyard.settings import Settings


def plan_of(path: Path, repository: Path | None = None, **wishes: Any) -> ConversionPlan:
    """`path` is a checkpoint's folder or a GGUF file; `wishes` are what the command's options ask for.

    Without a repository it is one beside the checkpoint.
    """
    folder = path.parent if path.is_file() else path
    checkpoint = glance(str(path), folder, settings=Settings())
    repository = repository or folder.parent / "repository"
    return plan_conversion(checkpoint, repository=repository, wishes=Wishes(**wishes), check_host=False)
