"""Settings of a program that knows one hub of the tests and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelyard.settings import Settings
from tests.hub_server.server import HubServer


def settings_for(hub: HubServer, folder: Path, **more: Any) -> Settings:
    """Repository and cache lie in `folder`; `more` are further settings by their names."""
    places = {"model_repository": folder / "repository", "cache_dir": folder / "cache"}
    return Settings(_env_file=None, hub_endpoints=[hub.url], **places, **more)
