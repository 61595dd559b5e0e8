"""The hub server: two ports, as the hub has two hosts, one for the models and one that holds the large files.

    GET        /api/models[?search=&author=&pipeline_tag=&limit=]
    GET        /api/models/{id}[/revision/{revision}][?blobs=]
    GET        /api/models/{id}/tree/{revision}
    GET, HEAD  /{id}/resolve/{revision}/{file}

Large files are redirected to the second port, small ones to another path of the first. Keeps what it was asked.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.hub_server.faults import Fault
from tests.hub_server.models import HostedModel


@dataclass(frozen=True)
class Seen:
    """A request that came. `port` is the one it came to, `headers` have lower-case names."""

    method: str
    path: str
    port: int
    headers: Mapping[str, str]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # one that is told to stall would hold the end of the test
    hub: HubServer


class HubServer:
    """`with HubServer() as hub: hub.add_model("org/name", folder); ... hub.url`."""

    def __init__(self) -> None:
        self.models: dict[str, list[HostedModel]] = defaultdict(list)
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._lock = threading.Lock()
        self._listeners: list[_Listener] = []

    def __enter__(self) -> HubServer:
        from tests.hub_server.handler import Handler

        for _ in range(2):
            listener = _Listener(("127.0.0.1", 0), Handler)
            listener.hub = self
            self._listeners.append(listener)
            threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for listener in self._listeners:
            listener.shutdown()
            listener.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return self._listeners[0].server_address[1]

    @property
    def files_port(self) -> int:
        """Where the large files are, as on the hub's other host."""
        return self._listeners[1].server_address[1]

    def add_model(self, id: str, folder: Path, revision: str = "main", **options: Any) -> HostedModel:
        """Serve the files of a folder as a model. Options are the fields of HostedModel: gated, private, token ..."""
        model = HostedModel(id, folder, revision, **options)
        self.models[id].append(model)
        return model

    def order(self, place: str, *faults: Fault) -> None:
        """Have the next requests for a file (its name), or for paths beginning with "/api", go wrong in these ways."""
        with self._lock:
            self._faults[place].extend(faults)

    def next_fault(self, *places: str) -> Fault | None:
        with self._lock:
            waiting = next((self._faults[place] for place in places if self._faults[place]), None)
            return waiting.pop(0) if waiting else None

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def forget(self) -> None:
        """Begin the record of requests anew."""
        with self._lock:
            self.seen.clear()

    def asked(self, part: str, *, method: str | None = None) -> list[Seen]:
        """The requests whose path has this part."""
        with self._lock:
            return [seen for seen in self.seen if part in seen.path and method in (None, seen.method)]

    def bytes_asked_for(self, digest: str) -> list[str]:
        """The Range header, or "" for all, of each GET of a large file."""
        return [seen.headers.get("range", "") for seen in self.asked(f"/lfs/{digest}", method="GET")]

    def tokens(self) -> set[str]:
        """The tokens that are valid at all."""
        return {model.token for models in self.models.values() for model in models if model.token is not None}
