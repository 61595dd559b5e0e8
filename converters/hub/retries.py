"""Which failures pass by themselves, and how long to wait before the next attempt.

Knows HTTP's statuses and the two ways in which a hub asks to be left alone for a while; sends nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from converters.hub.access import Patience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenacity import RetryCallState

_BUSY = frozenset({408, 429, 500, 502, 503, 504})
T = TypeVar("T")


def ask(request: Callable[[], T], patience: Patience) -> T:
    """What `request` gives, tried again while it fails in a way that passes. Raises its last error.

    A connection that cannot be made is not tried again: there may be another endpoint, or the cache.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    retrying = Retrying(
        retry=retry_if_exception(lambda error: is_passing(error, patience) and not is_unreachable(error)),
        stop=stop_after_attempt(patience.attempts),
        wait=lambda state: pause_s(error_of(state), state.attempt_number, patience),
        reraise=True,
    )
    return retrying(request)


def is_passing(error: BaseException, patience: Patience) -> bool:
    """Whether the same request may well succeed in a while."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        asked = _asked_s(error.response.headers)
        return error.response.status_code in _BUSY and (asked is None or asked <= patience.longest_asked_wait_s)
    hopeless = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.ProxyError)
    return isinstance(error, httpx.TransportError) and not isinstance(error, hopeless)


def is_unreachable(error: BaseException) -> bool:
    import httpx

    return isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))


def pause_s(error: BaseException | None, attempt: int, patience: Patience) -> float:
    """Seconds until the next attempt: what the hub asked for, or twice as long as before."""
    from huggingface_hub.errors import HfHubHTTPError

    asked = _asked_s(error.response.headers) if isinstance(error, HfHubHTTPError) else None
    if asked is not None:
        return asked
    return min(patience.first_wait_s * 2.0 ** (attempt - 1), patience.longest_wait_s)


def error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _asked_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, by Retry-After or by the hub's own `ratelimit` header."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported without saying so
        parse_ratelimit_headers,
    )

    if (value := headers.get("retry-after")) is not None:
        return _retry_after_s(value)
    limit = parse_ratelimit_headers(headers)
    return float(limit.reset_in_seconds) if limit is not None and limit.remaining == 0 else None


def _retry_after_s(value: str) -> float | None:
    """Retry-After is a number of seconds or a date; None when it is neither."""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
