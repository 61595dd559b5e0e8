"""`cp`, `rm`, `verify` and `gc`: the models that are installed, kept in order.

Reads options and shows what happens; `modelyard.catalog` does it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli import output
from modelyard.cli.models import Name
from modelyard.cli.options import AsJson, Repository, settings_with

if TYPE_CHECKING:
    from modelyard.catalog.garbage import Garbage
    from modelyard.catalog.integrity import Verdict
    from modelyard.settings import Settings

_WORDS = {
    "missing": "is missing",
    "extra": "is not in the manifest",
    "changed": "has changed",
    "unreadable": "cannot be read",
    "outside": "leads out of the model's folder",
    "not-a-file": "is not a file",
}


def cp(
    name: Name,
    new: Annotated[str, typer.Argument(help="The name of the copy.", metavar="NEW")],
    force: Annotated[bool, typer.Option("--force", help="Replace a model of the new name.")] = False,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Copy a model under another name. Large files are shared with it, so a copy takes hardly any disk."""
    from modelyard.catalog.copying import copy
    from modelyard.cli.stopping import StopRequest

    StopRequest()
    folder = settings_with(repository).model_repository
    with output.progress() as shown:
        made = copy(folder, name, new, force=force, on_wait=lambda: shown.note(f"waiting for the conversion to {new}"))
    if as_json:
        output.as_json({"name": made.name, "copy_of": name, "size": made.size})
    else:
        output.say(f"copied {name} to {made.name}")


def rm(
    names: Annotated[list[str], typer.Argument(help="The models' names in the repository.", metavar="NAME...")],
    force: Annotated[bool, typer.Option("--force", help="Unload a model that is loaded, and remove it.")] = False,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Remove models from the repository. One that a running service has loaded is left, unless --force is given."""
    from modelyard.catalog.installed import look_up
    from modelyard.catalog.removal import remove
    from modelyard.errors import ModelyardError

    folder = settings_with(repository).model_repository
    names = list(dict.fromkeys(names))
    for name in names:
        look_up(folder, name)  # a name that is mistyped is known before anything is gone
    removed: dict[str, int] = {}
    failures: list[ModelyardError] = []
    for name in names:
        try:
            removed[name] = remove(folder, name, force=force)
        except ModelyardError as error:
            failures.append(error)
    if as_json:
        output.as_json({"removed": [{"name": name, "freed": freed} for name, freed in removed.items()]})
    else:
        for name, freed in removed.items():
            output.say(f"removed {name}, {output.in_bytes(freed)} freed")
    for failure in failures[1:]:
        output.problem(failure.message, failure.hint)
    if failures:
        raise failures[0]


def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="The models to verify; all by default.", metavar="[NAME...]")
    ] = None,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Compare every file of the models with what was recorded of it; exit with 1 when something differs."""
    from dataclasses import asdict

    from modelyard.catalog.integrity import candidates
    from modelyard.catalog.integrity import verify as compare
    from modelyard.errors import EntryNotFound

    folder = settings_with(repository).model_repository
    verdicts: list[Verdict] = []
    with output.progress() as shown:
        for name in dict.fromkeys(names or candidates(folder)):
            shown.step(f"reading {name}")
            try:
                verdicts.append(compare(folder, name))
            except EntryNotFound:
                if names:
                    raise
                # removed between the listing and now
    wrong = [verdict for verdict in verdicts if verdict.problems or (names and not verdict.recorded)]
    if as_json:
        output.as_json([{**asdict(verdict), "good": verdict.good} for verdict in verdicts])
    else:
        for verdict in verdicts:
            for line in _sentences(verdict):
                output.say(line)
    if wrong:
        raise typer.Exit(1)


def _sentences(verdict: Verdict) -> list[str]:
    if not verdict.recorded:
        return [f"{verdict.name}: no manifest, so there is nothing to compare with"]
    if not verdict.problems:
        return [f"{verdict.name}: {verdict.files} files, {output.in_bytes(verdict.size)}, all as recorded"]
    return [
        f"{verdict.name}: {each.path} {each.detail}"
        if each.kind == "record"
        else f"{verdict.name}: {each.path} {_WORDS[each.kind]}{f' ({each.detail})' if each.detail else ''}"
        for each in verdict.problems
    ]


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    cache: Annotated[
        bool,
        typer.Option("--cache", help="Also what no model needs in our own cache of the hub, MODELYARD_CACHE_DIR."),
    ] = False,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Remove what nobody needs any more: what conversions that were killed left behind."""
    from modelyard.catalog.garbage import half_conversions, old_notes

    settings = settings_with(repository)
    folder = settings.model_repository
    found = _of_the_cache(settings, dry_run=dry_run) if cache else []
    found += half_conversions(folder, dry_run=dry_run)
    old_notes(folder, dry_run=dry_run)
    total = sum(each.size for each in found)
    if as_json:
        items = [{"path": str(each.path), "what": each.what, "size": each.size} for each in found]
        output.as_json({"dry_run": dry_run, "freed": total, "items": items})
        return
    for each in found:
        output.say(f"{'would remove' if dry_run else 'removed'} {each.path}: {each.what}, {output.in_bytes(each.size)}")
    output.say(f"{total} bytes {'would be freed' if dry_run else 'freed'}")


def _of_the_cache(settings: Settings, *, dry_run: bool) -> list[Garbage]:
    from modelyard.catalog.garbage import conversions_at_work
    from modelyard.catalog.hub_cache import unneeded
    from modelyard.catalog.installed import installed
    from modelyard.errors import EntryBusy, HostProblem

    if settings.cache_dir is None:
        raise HostProblem(
            "there is no cache of our own: MODELYARD_CACHE_DIR is not set",
            hint="the hub's usual cache is shared with other programs; 'hf cache' tidies that one up",
        )
    if busy := conversions_at_work(settings.model_repository):
        raise EntryBusy(busy[0])  # what it reads cannot be told from what nobody needs
    manifests = [model.manifest for model in installed(settings.model_repository) if model.manifest is not None]
    return unneeded(Path(settings.cache_dir).expanduser(), manifests, dry_run=dry_run)
