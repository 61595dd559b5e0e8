"""`export` and `import`: a model as one file, to and from hosts that no network reaches.

Reads options and shows what happens; `modelyard.catalog` does it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli import output
from modelyard.cli.models import Name
from modelyard.cli.options import AsJson, Repository, settings_with
from modelyard.cli.stopping import StopRequest

_PIPE = Path("-")


def export_model(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The archive to write; - for standard output.", metavar="FILE")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Write a model into one archive, a plain tar with a checksum of everything in it."""
    from modelyard.catalog.exporting import export, export_to
    from modelyard.errors import InvalidInput

    StopRequest()
    folder = settings_with(repository).model_repository
    if file == _PIPE and (as_json or sys.stdout.isatty()):
        raise InvalidInput("the archive goes to standard output", hint="send it into a file or a pipe, without --json")
    with output.progress() as shown:
        shown.step(f"writing {name}")
        if file == _PIPE:
            index = export(folder, name, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        index = export_to(folder, name, file, force=force)
    size = file.stat().st_size
    if as_json:
        output.as_json({"name": name, "file": str(file), "size": size, "files": len(index.files)})
    else:
        output.say(f"wrote {name} to {file}: {len(index.files)} files, {output.in_bytes(size)}")


def import_model(
    file: Annotated[Path, typer.Argument(help="An archive that `export` wrote; - for standard input.", metavar="FILE")],
    name: Annotated[str | None, typer.Option(help="Name of the model here; the one it had by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model of that name.")] = False,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Take a model out of an archive into the repository, after every checksum was found right."""
    from modelyard.catalog.importing import import_from, import_stream

    StopRequest()
    folder = settings_with(repository).model_repository
    with output.progress() as shown:
        shown.step("reading standard input" if file == _PIPE else f"reading {file}")

        def on_wait() -> None:
            shown.step("waiting for a conversion to this name")

        if file == _PIPE:
            made = import_stream(folder, sys.stdin.buffer, "standard input", name=name, force=force, on_wait=on_wait)
        else:
            made = import_from(folder, file, name=name, force=force, on_wait=on_wait)
    if as_json:
        output.as_json({"name": made.name, "size": made.size, "folder": str(made.entry.folder.resolve())})
    else:
        output.say(f"{made.name} is ready: {output.in_bytes(made.size)}, every checksum is right")
