"""`models`, `show` and `rm`: what is installed.

Reads the repository's folder; asks no server.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from modelyard.cli import output
from modelyard.cli.options import AsJson, Repository, settings_with

Name = Annotated[str, typer.Argument(help="The model's name in the repository.", metavar="NAME", show_default=False)]


def models(repository: Repository = None, as_json: AsJson = False) -> None:
    """List the models that are installed."""
    from modelyard.catalog import installed

    found = installed(settings_with(repository).model_repository)
    if as_json:
        output.as_json([_summary(model) for model in found])
    elif found:
        rows = [[_cell(value) for value in _row(model)] for model in found]
        output.table(["NAME", "TASK", "PRECISION", "CONTEXT", "SIZE", "CREATED", "AGREEMENT", "KL"], rows)
    else:
        output.say("no models yet; make one: modelyard convert FOLDER-OR-HUB-ID")


def show(name: Name, repository: Repository = None, as_json: AsJson = False) -> None:
    """Show what is recorded of a model."""
    from modelyard.catalog import look_up

    model = look_up(settings_with(repository).model_repository, name)
    if as_json:
        output.as_json(_summary(model))
        return
    manifest = model.manifest
    pairs = {"name": model.name, "size": output.in_bytes(model.size)}
    if manifest is not None:
        pairs |= {
            "source": manifest.source.location,
            "revision": manifest.source.revision,
            "architecture": manifest.architecture,
            "parameters": f"{manifest.parameters:,}",
            "context": f"{manifest.context_length} tokens" if manifest.context_length else "unknown",
            "precision": f"{manifest.precision} for {manifest.device}",
            "created": manifest.created,
            "took": f"{manifest.duration_s} s",
        }
        if (measured := manifest.fidelity) is not None:
            pairs["fidelity"] = output.fidelity(measured)
        pairs["made with"] = ", ".join(f"{tool} {version}" for tool, version in manifest.tools.items())
    output.facts(pairs)


def rm(name: Name, repository: Repository = None) -> None:
    """Remove a model from the repository."""
    from modelyard.catalog import remove

    remove(settings_with(repository).model_repository, name)
    output.say(f"removed {name}")


def _summary(model: Any) -> dict[str, Any]:
    from dataclasses import asdict

    manifest = asdict(model.manifest) if model.manifest is not None else None
    return {"name": model.name, "size": model.size, "manifest": manifest}


def _row(model: Any) -> list[str | int | None]:
    manifest, size = model.manifest, output.in_bytes(model.size)
    if manifest is None:
        return [model.name, None, None, None, size, None, None, None]
    measured = manifest.fidelity
    return [
        model.name,
        manifest.task,
        manifest.precision,
        manifest.context_length,
        size,
        manifest.created[:16].replace("T", " "),
        f"{measured.agreement:.1%}" if measured else None,
        f"{measured.kl_divergence:.4f}" if measured else None,
    ]


def _cell(value: str | int | None) -> str:
    return "-" if value is None else str(value)
