"""The hub: a model's id and revision go in, a folder in the library's own cache and the commit come out.

Transfers, resuming, mirrors (HF_ENDPOINT), tokens (HF_TOKEN) and offline mode are huggingface_hub's; its errors become
ours here and nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from modelyard.errors import EnvironmentMissing, SourceUnavailable

Choose = Callable[[Iterable[str]], tuple[str, ...]]
_LOOK_UP_TIMEOUT_S = 10.0


def fetch(model: str, *, revision: str | None, choose: Choose) -> tuple[Path, str, tuple[str, ...]]:
    """Bring what `choose` picks of the model's files here; gives the folder, the commit and the files' names.

    Without a network the cache is used, if it has the model. Raises SourceUnavailable.
    """
    try:
        import httpx
        from huggingface_hub import HfApi, errors, snapshot_download
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as missing:
        raise EnvironmentMissing("convert", Path("huggingface_hub")) from missing

    try:
        try:
            info = HfApi().model_info(model, revision=revision, timeout=_LOOK_UP_TIMEOUT_S)
        except (httpx.TransportError, errors.OfflineModeIsEnabled) as unreachable:
            return _from_cache(model, revision, choose, unreachable)
        files = choose(sibling.rfilename for sibling in info.siblings or ())
        commit = info.sha or revision or "main"
        if not sys.stderr.isatty():
            disable_progress_bars()
        folder = Path(snapshot_download(model, revision=commit, allow_patterns=list(files) or ["config.json"]))
    except errors.GatedRepoError as error:
        raise SourceUnavailable(
            f"the licence of {model} must be accepted before it can be downloaded",
            hint=f"accept it on the model's page at {_page(model)}, then set HF_TOKEN to a token of that account",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise SourceUnavailable(
            f"there is no folder '{model}' here, and the hub has no such model, or it is private",
            hint="check the name, or set HF_TOKEN for a private model",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise SourceUnavailable(f"the model '{model}' has no revision '{revision}'") from error
    except (errors.HfHubHTTPError, httpx.HTTPError, errors.LocalEntryNotFoundError) as error:
        raise SourceUnavailable(
            f"{model} could not be fetched from the hub: {_first_line(error)}",
            hint="the same command goes on where it stopped",
        ) from error
    except errors.HFValidationError as error:
        raise SourceUnavailable(f"'{model}' is neither a folder nor a hub id (organisation/model)") from error
    return folder, commit, files


def _from_cache(
    model: str, revision: str | None, choose: Choose, unreachable: Exception
) -> tuple[Path, str, tuple[str, ...]]:
    from huggingface_hub import errors, snapshot_download

    try:
        folder = Path(snapshot_download(model, revision=revision, local_files_only=True))
    except errors.LocalEntryNotFoundError:
        offline = isinstance(unreachable, errors.OfflineModeIsEnabled)
        why = "offline mode is on" if offline else f"the hub cannot be reached ({_first_line(unreachable)})"
        raise SourceUnavailable(
            f"'{model}' is neither a folder here nor in the hub's cache, and {why}",
            hint="unset HF_HUB_OFFLINE" if offline else "check the network or HF_ENDPOINT, or give a folder",
        ) from unreachable
    files = choose(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return folder, folder.name, files


def _page(model: str) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{model}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
