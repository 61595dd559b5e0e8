"""The hub server's answers: routes, headers and the ways in which an answer goes wrong.

Knows HTTP and the hub's headers; what models there are is the server's to say.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_server.faults import BadBytes, Cut, Fault, Reset, Slow, Stall, Status
from tests.hub_server.models import HostedFile, HostedModel
from tests.hub_server.server import Seen

_ID = r"(?P<id>[\w.-]+(?:/[\w.-]+)?)"
_INFO = re.compile(rf"/api/models/{_ID}(?:/revision/(?P<revision>[^/]+))?")
_TREE = re.compile(rf"/api/models/{_ID}/tree/(?P<revision>[^/]+)")
_RESOLVE = re.compile(rf"/{_ID}/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_SMALL = re.compile(rf"/api/resolve-cache/models/{_ID}/(?P<revision>[^/]+)/(?P<file>.+)")
_LARGE = re.compile(r"/lfs/(?P<digest>[0-9a-f]{64})/(?P<file>.+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_WHOLE_PAGE = 100


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the tests' output."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    @property
    def _hub(self) -> Any:
        return self.server.hub

    def _answer(self) -> None:
        port = self.server.server_address[1]
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._hub.note(Seen(self.command, self.path, port, headers))
        parts = urlsplit(self.path)
        path, query = parts.path, parse_qs(parts.query)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        try:
            if port == self._hub.files_port:
                self._large_file(path)
            elif token is not None and token not in self._hub.tokens():
                self._refuse(401, None, "Invalid credentials in Authorization header")
            elif path == "/api/models":
                self._search(query)
            elif (found := _SMALL.fullmatch(path)) is not None:
                self._small_file(found, token)
            elif (found := _RESOLVE.fullmatch(path)) is not None:
                self._resolve(found, token)
            elif (found := _TREE.fullmatch(path)) is not None:
                self._tree(found, token)
            elif (found := _INFO.fullmatch(path)) is not None:
                self._info(found, query, token)
            else:
                self._refuse(404, None, "Sorry, we can't find the page you are looking for.")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    # The models

    def _search(self, query: Mapping[str, list[str]]) -> None:
        if self._goes_wrong("/api"):
            return
        words = query.get("search", [""])[0].lower()
        author, task = query.get("author", [None])[0], query.get("pipeline_tag", [None])[0]
        results = [
            model.as_result()
            for models in self._hub.models.values()
            for model in models[:1]
            if words in model.id.lower()
            and author in (None, model.id.rpartition("/")[0])
            and task in (None, model.task)
            and not model.private
        ]
        results.sort(key=lambda result: -result["downloads"])
        limit = min(int(query.get("limit", [_WHOLE_PAGE])[0]), _WHOLE_PAGE)
        self._json(200, results[:limit])

    def _info(self, found: re.Match[str], query: Mapping[str, list[str]], token: str | None) -> None:
        if self._goes_wrong("/api"):
            return
        model = self._model(found["id"], found["revision"], token, gate=False)
        if model is not None:
            self._json(200, model.as_info(with_metadata="blobs" in query))

    def _tree(self, found: re.Match[str], token: str | None) -> None:
        if self._goes_wrong("/api"):
            return
        model = self._model(found["id"], found["revision"], token, gate=False)
        if model is not None:
            self._json(200, [file.as_tree_item() for file in model.files.values()])

    def _model(self, id: str, revision: str | None, token: str | None, *, gate: bool) -> HostedModel | None:
        """The model; None when the refusal has been sent."""
        models: list[HostedModel] = self._hub.models.get(id, [])
        model = next((model for model in models if model.knows(unquote(revision or "main"))), None)
        if not models or (models[0].private and not models[0].readable_by(token)):
            # Whoever is not known learns nothing of what exists.
            self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
        elif model is None:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif gate and not model.readable_by(token):
            self._refuse(403 if token else 401, "GatedRepo", f"Access to model {id} is restricted.")
        else:
            return model
        return None

    # The files

    def _file(self, found: re.Match[str], token: str | None) -> tuple[HostedModel, HostedFile] | None:
        model = self._model(found["id"], found["revision"], token, gate=True)
        if model is None:
            return None
        file = model.files.get(unquote(found["file"]))
        if file is None:
            self._refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": model.commit})
            return None
        return model, file

    def _resolve(self, found: re.Match[str], token: str | None) -> None:
        here = self._file(found, token)
        if here is None:
            return
        model, file = here
        headers = {
            "X-Repo-Commit": model.commit,
            "X-Linked-Size": str(file.size),
            "X-Linked-ETag": f'"{file.etag}"',
            "Accept-Ranges": "bytes",
        }
        if file.lfs:
            target = f"http://127.0.0.1:{self._hub.files_port}/lfs/{file.sha256}/{file.name}"
            self._send(302, {**headers, "Location": target})
        else:
            target = f"/api/resolve-cache/models/{model.id}/{model.commit}/{file.name}"
            self._send(307, {**headers, "Location": target})

    def _small_file(self, found: re.Match[str], token: str | None) -> None:
        here = self._file(found, token)
        if here is not None:
            model, file = here
            self._content(file, {"X-Repo-Commit": model.commit, "ETag": f'"{file.etag}"'})

    def _large_file(self, path: str) -> None:
        found = _LARGE.fullmatch(path)
        models = (model for models in self._hub.models.values() for model in models)
        files = (file for model in models for file in model.files.values())
        file = next((file for file in files if found is not None and file.sha256 == found["digest"]), None)
        if file is None:
            self._send(404, {})
        else:
            self._content(file, {"ETag": f'"{file.etag}"'})

    def _content(self, file: HostedFile, headers: Mapping[str, str]) -> None:
        content, start, status = file.path.read_bytes(), 0, 200
        asked = _RANGE.fullmatch(self.headers.get("Range") or "")
        if asked is not None:
            start, end = int(asked[1]), int(asked[2] or file.size - 1) + 1
            if start >= file.size:
                self._send(416, {"Content-Range": f"bytes */{file.size}"})
                return
            content, status = content[start:end], 206
            last = start + len(content) - 1
            headers = {**headers, "Content-Range": f"bytes {start}-{last}/{file.size}"}
        fault = self._hub.next_fault(file.name) if self.command == "GET" else None
        if isinstance(fault, Status):
            self._send(fault.code, fault.headers)
            return
        self.send_response(status)
        for name, value in {**headers, "Accept-Ranges": "bytes", "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self._write(content, fault)

    def _write(self, content: bytes, fault: Fault | None) -> None:
        if isinstance(fault, BadBytes):
            content = content[:-1] + bytes([content[-1] ^ 1])
        if isinstance(fault, Slow):
            for start in range(0, len(content), fault.piece):
                time.sleep(fault.pause_s)
                self.wfile.write(content[start : start + fault.piece])
            return
        if not isinstance(fault, (Cut, Reset, Stall)):
            self.wfile.write(content)
            return
        self.wfile.write(content[: fault.after])
        self.wfile.flush()
        if isinstance(fault, Stall):
            self._hub.closing.wait(60)
        if isinstance(fault, Reset):
            time.sleep(0.1)  # what was sent would be thrown away with the connection
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        self.close_connection = True

    # The forms of an answer

    def _goes_wrong(self, place: str) -> bool:
        """Whether an ordered fault was sent instead of the answer."""
        fault = self._hub.next_fault(place)
        if isinstance(fault, Status):
            self._send(fault.code, fault.headers)
        elif isinstance(fault, Stall):
            self._hub.closing.wait(60)
            self.close_connection = True
        elif fault is not None:
            self.close_connection = True
        return fault is not None

    def _refuse(self, status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None) -> None:
        named = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        self._json(status, {"error": message}, {**named, **(headers or {})})

    def _json(self, status: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        self._send(status, {"Content-Type": "application/json", **(headers or {})}, body)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
