"""Models that `serve` is to have and that are not here yet: fetched and converted first, when the settings allow it.

Knows names and the command that does it; a process of its own does the work, so that nothing of it stays in memory.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from modelyard.environments import command_in
from modelyard.errors import SourceUnavailable
from modelyard.settings import Settings


def with_downloads(settings: Settings, wanted: Sequence[str]) -> list[str]:
    """The names of entries for what is wanted, after what is missing has been brought.

    Raises SourceUnavailable when something could not be brought; the reason has been printed by then.
    """
    from converters.source import default_name
    from modelyard.entry import entry_at

    names = []
    for wish in wanted:
        if not _is_hub_id(wish) or not settings.auto_download or settings.triton_urls:
            names.append(wish)
            continue
        name = default_name(wish)
        if not entry_at(settings.model_repository, name).exists():
            _pull(settings, wish)
        names.append(name)
    return names


def _is_hub_id(wish: str) -> bool:
    """A name of an entry has no slash, and a bare name is taken for one."""
    from converters.source import hub_id

    return "/" in wish and hub_id(wish) is not None


def _pull(settings: Settings, wish: str) -> None:
    arguments = ["pull", wish, "--repository", str(settings.model_repository)]
    command, environment = command_in(settings.convert_python, arguments, role="convert")
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode != 0:
        raise SourceUnavailable(f"{wish} could not be brought here, see above")
