"""Options that several commands have, and the settings with them in place.

Knows the settings; does not know what a command does with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from modelyard.settings import Settings

Repository = Annotated[
    Path | None, typer.Option("--repository", help="The model repository; ./model_repository by default.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
GatewayUrl = Annotated[
    str | None,
    typer.Option(
        "--url", help="The gateway to ask: http://host:11434 or unix:///path; MODELYARD_URL, or the one here."
    ),
]


def settings_with(repository: Path | None, *, offline: bool = False) -> Settings:
    """The settings; what was typed wins over every other source."""
    from modelyard.settings import Settings

    typed: dict[str, Any] = {}
    if repository is not None:
        typed["model_repository"] = repository
    if offline:
        typed["offline"] = True
    return Settings(**typed)
