"""`search`: models on the hub by words in their names.

Reads options and prints; asks through `converters`, in the environment that has huggingface_hub.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli import output
from modelyard.cli.options import AsJson, settings_with

if TYPE_CHECKING:
    from converters.hub.search import FoundModel

_HEADINGS = ["MODEL", "TASK", "DOWNLOADS", "LIKES", "UPDATED", "LICENCE"]


def search(
    text: Annotated[str, typer.Argument(help="Words in the model's name.", metavar="TEXT", show_default=False)],
    author: Annotated[str | None, typer.Option(help="Only models of this user or organisation.")] = None,
    task: Annotated[str | None, typer.Option(help="Only models for this task, as text-generation.")] = None,
    limit: Annotated[int, typer.Option(help="How many models at most.", min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """Search the hub for models; the most downloaded come first."""
    from importlib.util import find_spec

    settings = settings_with(None)
    if find_spec("huggingface_hub") is None:
        from modelyard.environments import go_on_in

        go_on_in(settings.convert_python, sys.argv[1:], role="convert")
    from converters.hub.access import Hub
    from converters.hub.search import search as ask

    found = ask(Hub.of(settings), text, author=author, task=task, limit=limit)
    if as_json:
        from dataclasses import asdict

        output.as_json([asdict(model) for model in found])
    elif found:
        output.table(_HEADINGS, [_row(model) for model in found])
    else:
        output.say("no model was found; try fewer words, or leave out --author and --task")


def _row(model: FoundModel) -> list[str]:
    return [
        model.id,
        model.task or "-",
        _number(model.downloads),
        _number(model.likes),
        model.updated[:10] if model.updated else "-",
        "to be accepted" if model.gated else "-",
    ]


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
