"""`models`, `show` and `info`: what is installed, and what of it a running service has loaded.

Reads the repository's folder, and asks the Triton of a service that runs on it; changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.cli import output
from modelyard.cli.options import AsJson, Repository, settings_with

if TYPE_CHECKING:
    from pathlib import Path

    from modelyard.catalog.installed import Installed
    from modelyard.running import Loaded

Name = Annotated[str, typer.Argument(help="The model's name in the repository.", metavar="NAME", show_default=False)]

_HEADINGS = ["NAME", "TASK", "TARGET", "PRECISION", "CONTEXT", "SIZE", "LAST USED", "LOADED"]
_LOADED = {True: "yes", False: "no", None: "unknown"}
_LINE = 90  # characters of a parameter or a template that are shown of a longer one


def models(repository: Repository = None, as_json: AsJson = False) -> None:
    """List the models that are installed."""
    from modelyard.catalog.installed import installed
    from modelyard.running import loaded_models

    folder = settings_with(repository).model_repository
    found, loaded = installed(folder), loaded_models(folder)
    if as_json:
        listed = [(model, _summary(folder, model, loaded)) for model in found]
        output.as_json([summary for model, summary in listed if model.entry.exists()])
    elif found:
        rows = [(model, _row(folder, model, loaded)) for model in found]
        output.table(_HEADINGS, [row for model, row in rows if model.entry.exists()])
    else:
        output.say("no models yet; make one: modelyard convert FOLDER-OR-HUB-ID")


def show(
    name: Name,
    template: Annotated[bool, typer.Option("--template", help="Print the chat template, whole.")] = False,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Show what is recorded of a model."""
    from modelyard.catalog.installed import look_up
    from modelyard.running import loaded_models

    folder = settings_with(repository).model_repository
    model = look_up(folder, name)
    if template:
        output.say(_whole_template(model))
        return
    loaded = loaded_models(folder)
    if as_json:
        output.as_json(_summary(folder, model, loaded))
    else:
        output.facts(_facts(folder, model, loaded))


def info(name: Name, repository: Repository = None, as_json: AsJson = False) -> None:
    """Show all that is known of a model: its manifest, its parameters in config.pbtxt, its files."""
    from modelyard.catalog.installed import look_up
    from modelyard.running import find_running, loaded_models

    folder = settings_with(repository).model_repository
    model, loaded = look_up(folder, name), loaded_models(folder)
    backend, parameters = _config(model)
    if as_json:
        card = _card(parameters)
        config = {"backend": backend, "parameters": parameters}
        services = [{"url": service.url, "started": service.started} for service in find_running(folder)]
        more = {"card": card, "config": config, "loaded_by": list(loaded.models.get(name, ())), "services": services}
        output.as_json({**_summary(folder, model, loaded), "folder": str(model.entry.folder.resolve()), **more})
        return
    output.facts({**_facts(folder, model, loaded), "backend": backend or "unknown", "folder": str(model.entry.folder)})
    if parameters:
        output.say("\nparameters of config.pbtxt")
        output.facts({key: _first_line(value) for key, value in sorted(parameters.items())})
    if model.manifest is not None:
        output.say("\nfiles")
        output.facts({path: output.in_bytes(record.size) for path, record in model.manifest.files.items()})


def _summary(repository: Path, model: Installed, loaded: Loaded) -> dict[str, Any]:
    from dataclasses import asdict

    from modelyard.usage import last_used

    used = last_used(repository, model.name)
    return {
        "name": model.name,
        "size": model.size,
        "loaded": loaded.has(model.name),
        "last_used": used.isoformat(timespec="seconds") if used else None,
        "manifest": asdict(model.manifest) if model.manifest is not None else None,
    }


def _row(repository: Path, model: Installed, loaded: Loaded) -> list[str]:
    from modelyard.usage import last_used

    manifest, context = model.manifest, None
    task = target = precision = None
    if manifest is not None:
        task, target, precision, context = manifest.task, manifest.target, manifest.precision, manifest.context_length
    used = _ago(last_used(repository, model.name))
    size, held = output.in_bytes(model.size), _LOADED[loaded.has(model.name)]
    return [str(cell or "-") for cell in (model.name, task, target, precision, context, size, used, held)]


def _facts(repository: Path, model: Installed, loaded: Loaded) -> dict[str, str]:
    from modelyard.usage import last_used

    used = last_used(repository, model.name)
    pairs = {"name": model.name}
    if (manifest := model.manifest) is not None:
        pairs |= {
            "task": manifest.task,
            "architecture": manifest.architecture,
            "parameters": f"{manifest.parameters:,}",
            "context": f"{manifest.context_length} tokens" if manifest.context_length else "unknown",
            "precision": f"{manifest.precision} for {manifest.device}",
            "target": manifest.target,
            "quantization": manifest.quantization or "",
            "license": manifest.license or "unknown",
            "adapters": ", ".join(manifest.adapters),
            "fidelity": output.fidelity_of(manifest),
        }
    _, parameters = _config(model)
    pairs |= {
        "template": _first_line(parameters.get("CHAT_TEMPLATE", "")),
        "size": output.in_bytes(model.size),
        "loaded": _LOADED[loaded.has(model.name)],
        "last used": used.astimezone().isoformat(" ", "seconds") if used else "not known",
    }
    if manifest is not None:
        pairs |= {
            "source": manifest.source.location,
            "revision": manifest.source.revision,
            "created": manifest.created,
            "took": f"{manifest.duration_s} s",
            "made with": ", ".join(f"{tool} {version}" for tool, version in manifest.tools.items()),
        }
    return {name: value for name, value in pairs.items() if value}


def _config(model: Installed) -> tuple[str | None, dict[str, str]]:
    """The backend and the parameters of config.pbtxt; none where it cannot be read, as Triton will say itself."""
    from converters.entry_config import read_message

    try:
        config = read_message(model.entry.config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None, {}
    return config.backend, {key: value.string_value for key, value in config.parameters.items()}


def _card(parameters: dict[str, str]) -> dict[str, Any] | None:
    from dataclasses import asdict

    from modelyard.card import ModelCard

    try:
        return asdict(ModelCard.from_parameters(parameters))
    except (ValueError, TypeError):
        return None


def _whole_template(model: Installed) -> str:
    from modelyard.errors import InvalidInput

    _, parameters = _config(model)
    if (text := parameters.get("CHAT_TEMPLATE")) is None:
        raise InvalidInput(f"the model '{model.name}' has no chat template")
    return text


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if line == text.strip() and len(line) <= _LINE else f"{line[:_LINE]} ..."


def _ago(when: datetime | None) -> str | None:
    if when is None:
        return None
    seconds = max(0, int((datetime.now(timezone.utc) - when).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"
