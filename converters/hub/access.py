"""How the hub is reached: its addresses in order, the cache, offline or not, and how long to be patient.

Knows huggingface_hub's own switches and its HTTP session; does not know models.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelyard import __version__
from modelyard.errors import EnvironmentMissing, InvalidInput

if TYPE_CHECKING:
    import httpx

    from modelyard.settings import Settings

# What to do where offline mode is on and should not be, as clauses; the second for commands that have the option too.
UNSET_OFFLINE = "unset MODELYARD_OFFLINE and HF_HUB_OFFLINE"
GO_ONLINE = f"leave out --offline, and {UNSET_OFFLINE}"


@dataclass(frozen=True)
class Patience:
    """How often and how long a request that could not be answered is tried again."""

    attempts: int = 5  # in a row without a byte; a transfer that moves on may break as often as it likes
    first_wait_s: float = 1.0  # doubled from one attempt to the next
    longest_wait_s: float = 16.0
    longest_asked_wait_s: float = 300.0  # the hub's own windows for counting requests are that long
    answer_timeout_s: float = 10.0  # without a byte, as huggingface_hub's own


@dataclass(frozen=True)
class Hub:
    """The hub as this installation uses it.

    `endpoints` are asked in order; with none given they are those of HF_ENDPOINT, which may hold several separated by
    commas. `cache_dir` is huggingface_hub's own when it is None. `offline` opens no connection, nor does
    HF_HUB_OFFLINE=1.
    """

    endpoints: tuple[str, ...] = ()
    cache_dir: Path | None = None
    offline: bool = False
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def of(cls, settings: Settings) -> Hub:
        return cls(tuple(settings.hub_endpoints), settings.cache_dir, settings.offline)

    def addresses(self) -> tuple[str, ...]:
        """The endpoints to ask, in order. Raises InvalidInput on one that is no web address."""
        from huggingface_hub import constants

        given = self.endpoints or tuple(constants.ENDPOINT.split(","))
        cleaned = [_checked(endpoint.strip().rstrip("/")) for endpoint in given if endpoint.strip()]
        if not cleaned:
            raise InvalidInput("no hub is named", hint="unset HF_ENDPOINT, or write an address into it")
        return tuple(dict.fromkeys(cleaned))

    def cache(self) -> Path:
        from huggingface_hub import constants

        return (self.cache_dir or Path(constants.HF_HUB_CACHE)).expanduser().absolute()

    def is_offline(self) -> bool:
        from huggingface_hub import constants

        return self.offline or bool(constants.is_offline_mode())


def need_library() -> None:
    """Raises EnvironmentMissing where huggingface_hub is not installed."""
    try:
        import tenacity  # noqa: F401
        from huggingface_hub import constants
        from huggingface_hub.utils import logging as librarys_log
    except ImportError as missing:
        raise EnvironmentMissing("convert", Path("huggingface_hub")) from missing
    # With it on, the library asks the public hub for a list of programs that might be running it, whatever endpoint
    # was named, and puts what it found into every request.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    if not (constants.HF_DEBUG or "HF_HUB_VERBOSITY" in os.environ):
        # Its warnings, each retry one, would go through the bars, with signed addresses in them. Failures are raised.
        librarys_log.set_verbosity(logging.ERROR)


def session() -> httpx.Client:
    """huggingface_hub's own HTTP client, which takes redirects and never carries the token to another host."""
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # exported without saying so

    client = get_session()
    hooks = client.event_hooks
    if _never_for_ever not in hooks["request"]:
        client.event_hooks = {**hooks, "request": [*hooks["request"], _never_for_ever]}
    return client


def headers() -> dict[str, str]:
    """What every request carries: the token of HF_TOKEN or of `hf auth login`, if there is one, and our name."""
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # exported without saying so

    made: dict[str, str] = build_hf_headers(library_name="modelyard", library_version=__version__)
    # A compressed answer would have another length than the file, and no ranges.
    return {**made, "Accept-Encoding": "identity"}


def raise_for_status(response: httpx.Response) -> None:
    """Raises the library's errors, which know the hub's own words for what is wrong."""
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported without saying so

    hf_raise_for_status(response)


def _never_for_ever(request: httpx.Request) -> None:
    """A limit for the requests that the library sends without one: a silent mirror must not hold us for good."""
    limits = request.extensions.get("timeout") or {}
    if limits.get("read") is None:
        seconds = Patience().answer_timeout_s
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), seconds)


def _checked(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, valid = urlsplit(""), False
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "an endpoint of the hub holds a user name or a password, which would end up in messages and logs",
            hint="write the address without it and set HF_TOKEN",
        )
    if not valid:
        raise InvalidInput(
            f"'{endpoint}' is not an address of a hub",
            hint="write it as https://hub.example.org in HF_ENDPOINT or MODELYARD_HUB_ENDPOINTS",
        )
    return endpoint
