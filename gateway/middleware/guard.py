"""Who may come in: the bearer key where there is one, else only callers who know the gateway by a loopback name.

Knows headers; does not know who a user is.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.identity import BearerKey
from gateway.middleware.recording import Refuse
from modelyard.errors import Unauthorized

KEY_SUBPROTOCOL = "bearer."  # and the key in base64url without padding
_OPEN = ("/health/live", "/health/ready")  # probes carry no secrets
_OPEN_BELOW = "/v1/images/files/"  # a picture's name has 192 random bits, and an <img> can send no key


class Guard:
    """With a key, each request but the probes must carry it. Without one, a web page must not reach the gateway:

    a page of a foreign name that was made to resolve to 127.0.0.1 sends that name as its Host, and a page that asks
    for localhost sends where it comes from as its Origin. Browsers let any page open a WebSocket.
    """

    def __init__(self, app: ASGIApp, key: BearerKey | None, refuse: Refuse) -> None:
        self._app = app
        self._key = key
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (error := self._objection(scope)) is not None:
            await self._refuse(scope, error)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _objection(self, scope: Scope) -> Exception | None:
        if _over_unix_socket(scope):
            return None  # the socket's file has an owner and a mode, and no web page can open it
        headers = Headers(scope=scope)
        if self._key is not None:
            if _is_open(scope) or self._key.opens(_given_key(scope, headers)):
                return None
            return Unauthorized()
        if is_loopback(headers.get("host", "")) and _may_come_from(headers.get("origin", "")):
            return None
        return HTTPException(403, "without an API key the gateway answers only to localhost and loopback addresses")


def _over_unix_socket(scope: Scope) -> bool:
    """ASGI's server is a path and None then, as the server itself has bound it; nothing a caller sends changes that."""
    server = scope.get("server")
    return server is not None and server[1] is None


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"]
    return path in _OPEN or (path.startswith(_OPEN_BELOW) and scope.get("method") in ("GET", "HEAD"))


def _given_key(scope: Scope, headers: Headers) -> str:
    """The key as an Authorization header has it, from wherever it was sent; Anthropic's clients have a header apart."""
    if (alone := headers.get("x-api-key")) is not None and "authorization" not in headers:
        return f"Bearer {alone}"
    return headers.get("authorization") or _offered_key(scope)


def _offered_key(scope: Scope) -> str:
    """The key as a header would have it, of a page that opens a WebSocket: it can send nothing but subprotocols."""
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(KEY_SUBPROTOCOL):
            coded = offered.removeprefix(KEY_SUBPROTOCOL)
            with contextlib.suppress(ValueError):
                return f"Bearer {base64.urlsafe_b64decode(coded + '=' * (-len(coded) % 4)).decode()}"
    return ""


def _may_come_from(origin: str) -> bool:
    """Whether no web page, or one of this machine, sent this Origin; desktop applications have schemes of their own."""
    scheme, _, host = origin.partition("://")
    if not origin or scheme not in ("http", "https", "null"):
        return True
    return is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine's loopback: localhost, a name below it, 127.x.x.x or [::1]."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip().lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
