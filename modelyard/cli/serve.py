"""`serve`: Triton and the gateway, from a checked start to an orderly end.

Reads options and shows what happens; `modelyard.cli.service` does it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 11434 by default.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Model to load at the start and to keep (may be repeated); the one used last by default. Others load "
            "when they are asked for, and go when nobody does. With MODELYARD_AUTO_DOWNLOAD, a hub id that is not "
            "installed is fetched first."
        ),
    ] = None,
    repository: Annotated[
        Path | None, typer.Option(help="The model repository; ./model_repository by default.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Log everything, and show tracebacks.")] = False,
) -> None:
    """Serve the models of the repository: start Triton and the gateway, until Ctrl-C or SIGTERM."""
    from modelyard import logs
    from modelyard.cli import service
    from modelyard.cli.downloads import with_downloads
    from modelyard.settings import Settings

    options: dict[str, Any] = {"host": host, "port": port, "model_repository": repository}
    settings = Settings(**{name: value for name, value in options.items() if value is not None})
    level = "debug" if debug else settings.log_level
    logs.configure(level, settings.log_format)
    service.run(settings, models=with_downloads(settings, model or settings.models))
