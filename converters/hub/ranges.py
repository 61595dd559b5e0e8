"""A part of one file of a model, read over the network without the rest, or from the cache where it is.

For headers of weight files; keeps nothing.
"""

from __future__ import annotations

from functools import partial

from converters.hub.access import GO_ONLINE, Hub, headers, need_library, raise_for_status, session
from converters.hub.cache import RepoCache
from converters.hub.failures import across, understood
from converters.hub.listing import check_id
from converters.hub.retries import ask
from modelyard.errors import SourceUnavailable


def read_range(hub: Hub, model: str, file: str, start: int, end: int, *, commit: str) -> bytes:
    """The bytes from `start` up to `end` (not included); fewer when the file ends earlier. Raises SourceUnavailable."""
    if not 0 <= start <= end:
        raise ValueError(f"no range: {start} to {end}")
    need_library()
    check_id(model)
    cached = RepoCache(hub.cache(), model).snapshot(commit) / file
    if cached.is_file():
        with cached.open("rb") as here:
            here.seek(start)
            return here.read(end - start)
    if hub.is_offline():
        raise SourceUnavailable(
            f"{file} of {model} is not in the cache, and offline mode is on",
            hint=GO_ONLINE,
        )
    if start == end:
        return b""
    return across(hub.addresses(), partial(_read_at, hub, model, file, start, end, commit))


def _read_at(hub: Hub, model: str, file: str, start: int, end: int, commit: str, endpoint: str) -> bytes:
    try:
        return ask(lambda: _request(hub, model, file, start, end, commit, endpoint), hub.patience)
    except Exception as error:
        failure = understood(error, endpoint, model, wanted=file)
        if failure is None:
            raise
        raise failure from error


def _request(hub: Hub, model: str, file: str, start: int, end: int, commit: str, endpoint: str) -> bytes:
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(model, file, revision=commit, endpoint=endpoint)
    asked = {**headers(), "Range": f"bytes={start}-{end - 1}"}
    limit_s = hub.patience.answer_timeout_s
    with session().stream("GET", url, headers=asked, follow_redirects=True, timeout=limit_s) as response:
        if response.status_code == 416:  # the file ends before `start`
            return b""
        raise_for_status(response)
        # A server that knows no ranges gives the file from its beginning.
        skip = 0 if response.status_code == 206 else start
        wanted = skip + end - start
        taken = bytearray()
        for piece in response.iter_bytes():
            taken += piece
            if len(taken) >= wanted:
                break
        return bytes(taken[skip:wanted])
