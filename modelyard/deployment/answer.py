"""The first answer of a deployment: which model is asked, and what the wait for it ends with.

Joins the gateway's client, the containers and the waiting.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from modelyard.card import GENERATES_TEXT
from modelyard.deployment.containers import containers, last_lines
from modelyard.deployment.home import Home
from modelyard.deployment.steps import Told
from modelyard.deployment.waiting import DEADLINE_S, first_token, listed, require_ready, wait_for_answer
from modelyard.entry import entry_at
from modelyard.errors import ModelyardError
from modelyard.manifest import read_manifest

if TYPE_CHECKING:
    from docker import DockerClient


_SILENCE_S = 120.0  # a model that loads says nothing meanwhile; then it is asked again


def model_to_ask(home: Home, names: Sequence[str]) -> str | None:
    """The first of these models that chats, None when none does."""
    for name in names:
        manifest = read_manifest(entry_at(home.models, name))
        if manifest is not None and manifest.task in GENERATES_TEXT:
            return name
    return None


def editions(home: Home, names: Sequence[str]) -> dict[str, str]:
    """When each of the models that are there was made; what was made anew has another time."""
    manifests = {name: read_manifest(entry_at(home.models, name)) for name in names}
    return {name: manifest.created for name, manifest in manifests.items() if manifest is not None}


def remade(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Models that were there before and are others now."""
    return [name for name, created in after.items() if before.get(name, created) != created]


def first_answer(
    client: DockerClient,
    home: Home,
    url: str,
    project: str,
    model: str | None,
    told: Told,
    *,
    outdated: Sequence[str] = (),
    deadline_s: float = DEADLINE_S,
) -> str:
    """Wait for it at `url`, and say in words what came. `project` is whose containers are looked at meanwhile.

    `outdated`: models that a running Triton may have in memory as they were; they leave it first.
    Raises DeploymentFailed.
    """
    from modelyard.cli.gateway_client import GatewayClient, Place

    place = Place(url, local=False)
    with GatewayClient(place, key=home.key(), timeout_s=_SILENCE_S) as gateway:
        for name in outdated:
            # A gateway that does not answer yet, or has not loaded it, will load what is there now.
            with contextlib.suppress(ModelyardError):
                gateway.unload(name)

        def ask() -> str:
            require_ready(gateway)
            if model is None:
                return f"it is ready and has {listed(gateway) or 'no model'}"
            return f"{model} said {first_token(gateway, model)!r}"

        return wait_for_answer(
            ask,
            lambda: containers(client, project),
            lambda seen: last_lines(client, seen),
            told,
            deadline_s=deadline_s,
        )
