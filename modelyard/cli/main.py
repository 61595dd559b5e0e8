"""The table of commands, and the one way out of all of them.

Joins, and does nothing itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import click
import typer

from modelyard import __version__
from modelyard.cli import (
    archives,
    bundle,
    catalog,
    convert,
    doctor,
    down,
    embed,
    failures,
    imagine,
    logs,
    models,
    plan,
    ps,
    search,
    serve,
    status,
    transcribe,
    up,
    upgrade,
)
from modelyard.cli import run as chat

app = typer.Typer(
    name="modelyard",
    help="From a model checkpoint to a running model service on hardware you control.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: the other takes 0.1 s to import
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: tuple[Callable[..., None], ...] = (
    chat.run,
    serve.serve,
    ps.ps,
    ps.stop,
    status.status,
    embed.embed,
    imagine.imagine,
    transcribe.transcribe,
    transcribe.speak,
    search.search,
    plan.plan,
    convert.pull,
    convert.convert,
    models.models,
    models.show,
    models.info,
    catalog.cp,
    catalog.rm,
    catalog.verify,
    catalog.gc,
    up.up,
    upgrade.upgrade,
    upgrade.rollback,
    down.down,
    logs.logs,
    doctor.doctor,
)
for command in _COMMANDS:
    app.command()(command)
app.command("export")(archives.export_model)
app.command("import")(archives.import_model)
app.add_typer(bundle.app, name="bundle")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelyard {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """From a model checkpoint to a running model service on hardware you control."""


def run() -> None:
    """What the console scripts call: a command's errors leave as one line and an exit code, never as a traceback."""
    try:
        code = app(standalone_mode=False)
    except click.ClickException as misuse:
        misuse.show()
        sys.exit(misuse.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(failures.interrupted())
    except Exception as error:
        sys.exit(failures.report(error, debug="--debug" in sys.argv))
    if code == failures.INTERRUPTED:  # Typer makes this of a Ctrl-C, and says nothing
        sys.exit(failures.interrupted())
    sys.exit(code if isinstance(code, int) else 0)
