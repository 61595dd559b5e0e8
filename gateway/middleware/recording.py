"""Gives each request an id, a record and an end: one line in the log, its figures, and a clean answer to any exception.

Knows ASGI; the forms of errors are handed in.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.dialects.framing import ClientGone
from gateway.telemetry import Record, Telemetry, begin

log = structlog.get_logger(__name__)

Refuse = Callable[[Scope, Exception], Response]

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # nothing that could forge a line of a log or a header
_CLIENT_GONE = 499  # as nginx calls it; nobody receives it


class Recording:
    """The outermost layer. `dialect_of` names the dialect of a path, "" for what is not counted."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, dialect_of: Callable[[str], str], refuse: Refuse) -> None:
        self._app = app
        self._telemetry = telemetry
        self._dialect_of = dialect_of
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        record = Record(request_id, scope["method"], scope["path"], self._dialect_of(scope["path"]))
        begin(record)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientGone:
            record.outcome = "cancelled"
            record.status = record.status or _CLIENT_GONE
        except Exception as error:
            # Ours to mend: the log gets the trace, the client one sentence.
            log.exception("an unexpected error", id=request_id, path=record.path)
            record.problem = type(error).__name__
            # Once a response has begun, all that is left is to close the connection, which the server does by itself.
            if not record.status:
                await self._refuse(scope, error)(scope, receive, send_with_id)
        finally:
            self._telemetry.end(record)
