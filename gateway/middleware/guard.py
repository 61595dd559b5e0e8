"""Who may come in: the bearer key where there is one, else only callers who know the gateway by a loopback name.

Knows headers; does not know who a user is.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.identity import BearerKey
from gateway.middleware.recording import Refuse
from modelyard.errors import Unauthorized

_OPEN = ("/health/live", "/health/ready")  # probes carry no secrets


class Guard:
    """With a key, each request but the probes must carry it. Without one, a web page must not reach the gateway:

    a page of a foreign name that was made to resolve to 127.0.0.1 sends that name as its Host.
    """

    def __init__(self, app: ASGIApp, key: BearerKey | None, refuse: Refuse) -> None:
        self._app = app
        self._key = key
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (error := self._objection(scope)) is not None:
            await self._refuse(scope, error)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _objection(self, scope: Scope) -> Exception | None:
        headers = Headers(scope=scope)
        if self._key is not None:
            if scope["path"] in _OPEN or self._key.opens(headers.get("authorization", "")):
                return None
            return Unauthorized()
        if is_loopback(headers.get("host", "")):
            return None
        return HTTPException(403, "without an API key the gateway answers only to localhost and loopback addresses")


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
