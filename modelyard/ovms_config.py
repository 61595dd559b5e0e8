"""`config.json` at the top of a repository, by which OpenVINO Model Server knows its models.

Adds and removes our own entries, and leaves alone what others wrote there. Knows the server's file; does not know how
entries are made.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from modelyard.entry import VERSION, entry_at, staging_root
from modelyard.errors import InvalidInput
from modelyard.manifest import Manifest

CONFIG_FILE = "config.json"
_GRAPH_FILE = "graph.pbtxt"
_MODELS = "model_config_list"  # the server takes graphs here too, and its own --add_to_config writes them here
_GRAPHS = "mediapipe_config_list"
# No entry has such a name, since names begin with a letter or a digit.
_LOCK = ".ovms-config.lock"


def list_entry(repository: Path, name: str, *, device: str = "") -> None:
    """Make the server serve a published entry; nothing happens when it does already.

    `device` is for entries that are plain networks: graphs name their own. Raises InvalidInput when config.json cannot
    be read, or another maker's model has the name.
    """
    entry = entry_at(repository, name)
    has_graph = (entry.version_folder / _GRAPH_FILE).is_file()
    wanted: dict[str, Any] = {"name": name, "base_path": f"{name}/{VERSION}" if has_graph else name}
    if device and not has_graph:
        wanted["target_device"] = device
    with _edited(repository) as config:
        if any(graph.get("name") == name for graph in config.get(_GRAPHS, [])):
            raise _taken(repository, name)
        listed = config.setdefault(_MODELS, [])
        for item in listed:
            if item.get("config", {}).get("name") == name:
                if not _is_ours(item["config"], repository, name):
                    raise _taken(repository, name)
                item["config"].update(wanted)  # what somebody added by hand (nireq, batch_size ...) stays
                return
        listed.append({"config": wanted})


def list_if_served(repository: Path, name: str, manifest: Manifest | None) -> None:
    """List an entry that was published under a new name, if it is one for this server."""
    if manifest is not None and manifest.target == "ovms":
        list_entry(repository, name, device=manifest.device)


def unlist_entry(repository: Path, name: str) -> bool:
    """Take an entry out of the server's list; False when it is not there. Call it before the files go.

    Raises InvalidInput when config.json cannot be read.
    """
    if not (repository / CONFIG_FILE).exists():
        return False
    with _edited(repository) as config:
        listed = config.get(_MODELS, [])
        kept = [item for item in listed if not _is_ours(item.get("config", {}), repository, name)]
        config[_MODELS] = kept
        return len(kept) < len(listed)


def listed_entries(repository: Path) -> list[str]:
    """The names that the server serves, in its order. Raises InvalidInput when config.json cannot be read."""
    return [str(item["config"].get("name")) for item in _read(repository / CONFIG_FILE).get(_MODELS, [])]


@contextlib.contextmanager
def _edited(repository: Path) -> Iterator[dict[str, Any]]:
    """The content of config.json, written back in one step when it changed, with nobody else of us between."""
    root = staging_root(repository)
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / _LOCK):
        path = repository / CONFIG_FILE
        config = _read(path)
        before = json.dumps(config)
        yield config
        config.setdefault(_MODELS, [])  # the server refuses a file without it
        if json.dumps(config) == before and path.exists():
            return
        # The server looks at the file every second: it must never see half of it.
        partial = root / f"{CONFIG_FILE}.partial"
        with partial.open("w", encoding="utf-8") as file:
            file.write(json.dumps(config, indent=4, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(content, dict):
        raise _unreadable(path, "it is not a JSON object")
    for key in (_MODELS, _GRAPHS):
        items = content.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise _unreadable(path, f"'{key}' is not a list of objects")
    if not all(isinstance(item.get("config"), dict) for item in content.get(_MODELS, [])):
        raise _unreadable(path, f"an item of '{_MODELS}' has no 'config'")
    return content


def _is_ours(listed: dict[str, Any], repository: Path, name: str) -> bool:
    """Whether an item stands for the entry of that name in this repository, however its path is written."""
    path = listed.get("base_path")
    if listed.get("name") != name or not isinstance(path, str):
        return False
    folder = repository.absolute() / name
    place = Path(os.path.normpath(repository.absolute() / path))
    return place in (folder, folder / VERSION)


def _unreadable(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path} is not a configuration of OpenVINO Model Server: {why}", hint="mend it, or move it out of the way"
    )


def _taken(repository: Path, name: str) -> InvalidInput:
    return InvalidInput(
        f"{repository / CONFIG_FILE} lists another model as '{name}'", field="name", hint="choose another --name"
    )
