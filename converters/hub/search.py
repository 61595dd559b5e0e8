"""What models there are: words go in, the hub's answers come out, the most downloaded first.

Asks the hub only; what is installed is the catalog's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from converters.hub.access import UNSET_OFFLINE, Hub, need_library, session
from converters.hub.failures import across, foreign, understood
from converters.hub.retries import ask
from modelyard import __version__
from modelyard.errors import SourceUnavailable


@dataclass(frozen=True)
class FoundModel:
    """A model of the hub. `gated`: its licence must be accepted first. `updated` is ISO 8601; None is unknown."""

    id: str
    downloads: int | None
    likes: int | None
    task: str | None
    gated: bool
    updated: str | None


def search(
    hub: Hub, text: str, *, author: str | None = None, task: str | None = None, limit: int = 20
) -> tuple[FoundModel, ...]:
    """The models whose names match `text`. Raises SourceUnavailable."""
    need_library()
    if hub.is_offline():
        raise SourceUnavailable(
            "the hub cannot be searched in offline mode",
            hint=f"{UNSET_OFFLINE}; 'modelyard models' lists what is installed",
        )
    return across(hub.addresses(), partial(_search_at, hub, text, author, task, limit))


def _search_at(
    hub: Hub, text: str, author: str | None, task: str | None, limit: int, endpoint: str
) -> tuple[FoundModel, ...]:
    from huggingface_hub import HfApi

    session()
    api = HfApi(endpoint=endpoint, library_name="modelyard", library_version=__version__)
    try:
        found = ask(
            lambda: list(
                api.list_models(
                    search=text,
                    author=author,
                    pipeline_tag=task,
                    limit=limit,
                    sort="downloads",
                    expand=["downloads", "likes", "pipeline_tag", "gated", "lastModified"],
                )
            ),
            hub.patience,
        )
        return tuple(_found(model) for model in found)
    except Exception as error:
        failure = understood(error, endpoint, text)
        if failure is not None:
            raise (foreign(endpoint) if failure.kind == "no_model" else failure) from error
        if isinstance(error, (KeyError, TypeError, ValueError, AttributeError)):  # an answer of another form
            raise foreign(endpoint) from error
        raise


def _found(model: Any) -> FoundModel:
    return FoundModel(
        id=str(model.id),
        downloads=model.downloads,
        likes=model.likes,
        task=model.pipeline_tag,
        gated=bool(model.gated),
        updated=model.last_modified.isoformat() if model.last_modified else None,
    )
