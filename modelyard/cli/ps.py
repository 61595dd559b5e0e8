"""`ps` and `stop`: the models in memory, and the end of one of them or of the gateway in the background.

Asks the running gateway; starts none.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from modelyard.cli import output
from modelyard.cli.options import AsJson, GatewayUrl, settings_with

_FOREVER_DAYS = 365 * 50  # what says so to clients of Ollama is a date that nobody will see


def ps(url: GatewayUrl = None, as_json: AsJson = False) -> None:
    """List the models that are loaded.

    With their size in memory, and how long they stay when nobody asks them anything.
    """
    from modelyard.cli import background

    with background.running(settings_with(None), url) as client:
        listed: list[dict[str, Any]] = client.get("/api/ps")["models"]
    if as_json:
        output.as_json(listed)
    elif listed:
        output.table(["NAME", "SIZE", "UNTIL"], [_row(model) for model in listed])
    else:
        output.say("no model is loaded; the first question to one loads it")


def _row(model: dict[str, Any]) -> list[str]:
    size = model.get("size")
    return [
        plain(model["name"]),
        output.in_bytes(size) if size else "-",
        until(model.get("expires_at")),
    ]


def plain(name: str) -> str:
    """The name in the repository, without the tag that clients of Ollama expect."""
    return name.removesuffix(":latest")


def until(moment: str | None, now: datetime | None = None) -> str:
    """How long from now: `4 min`, `for ever`."""
    if moment is None:
        return "for ever"
    left = datetime.fromisoformat(moment.replace("Z", "+00:00")) - (now or datetime.now(timezone.utc))
    if left.days > _FOREVER_DAYS:
        return "for ever"
    seconds = max(0, round(left.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    return f"{round(seconds / 60)} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def stop(
    model: Annotated[
        str | None, typer.Argument(help="The model to unload.", metavar="[MODEL]", show_default=False)
    ] = None,
    gateway: Annotated[
        bool, typer.Option("--gateway", help="End the gateway that a command has started in the background.")
    ] = False,
    url: GatewayUrl = None,
) -> None:
    """Unload a model, or end the gateway in the background.

    Answers in progress are finished first.
    """
    from modelyard.cli import background
    from modelyard.errors import InvalidInput

    settings = settings_with(None)
    if gateway == (model is not None):
        raise InvalidInput("name a model to unload, or pass --gateway", hint="'modelyard ps' lists what is loaded")
    if model is None:
        if background.stop(settings):
            output.say("the gateway has ended")
        else:
            output.say("no gateway was started in the background; one that you started ends with Ctrl-C in its window")
        return
    with background.running(settings, url) as client:
        client.require_model(model)
        client.unload(model)
    output.say(f"unloaded {model}")
