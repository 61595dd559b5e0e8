"""The running gateway, as the commands ask it: where it is, what it answers, and its refusals as our errors.

Knows HTTP over TCP and over a Unix socket; does not start anything, and does not know what a command wants.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from modelyard.cli import unix_socket
from modelyard.errors import (
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    GatewayMissing,
    InvalidInput,
    ModelyardError,
    Unauthorized,
)

if TYPE_CHECKING:
    import httpx

    from modelyard.settings import Settings

_UNIX = "unix://"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - who listens on all addresses is asked on loopback
_CONNECT_S = 5.0
_PULL = "see what is there with 'modelyard models', and bring one with 'modelyard pull HUB_ID'"


@dataclass(frozen=True)
class Place:
    """Where a gateway is: `url` for people and for TCP, `socket` when it is asked over one.

    `local`: it is this user's own gateway on this machine, which may be started when it does not run.
    """

    url: str
    socket: Path | None = None
    local: bool = True


def find_place(settings: Settings, url: str | None = None) -> Place:
    """What was named, else the Unix socket when somebody answers there, else the port of the settings."""
    if (named := url or settings.url) is not None:
        return _named(named)
    path = unix_socket.path_of(settings)
    # Who chose a port and no socket means the gateway there, whoever has the usual socket.
    by_port = {"host", "port"} & settings.model_fields_set and settings.socket is None
    if path is not None and not by_port and unix_socket.is_answered(path):
        return Place(f"{_UNIX}{path}", path)
    host = _EVERYWHERE.get(settings.host, settings.host)
    return Place(f"http://{f'[{host}]' if ':' in host else host}:{settings.port}")


def _named(url: str) -> Place:
    if url.startswith(_UNIX):
        path = Path(url.removeprefix(_UNIX)).expanduser()
        return Place(f"{_UNIX}{path}", path, local=False)
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest.strip("/"):
        raise InvalidInput(f"'{url}' is no gateway's address", hint="write http://host:11434 or unix:///path/to.sock")
    return Place(url.rstrip("/").removesuffix("/v1"), local=False)


class GatewayClient:
    """One gateway. `timeout_s` is the longest silence of it, which a model that loads may need."""

    def __init__(self, place: Place, *, key: str | None = None, timeout_s: float = 600.0) -> None:
        import httpx

        self.place = place
        # trust_env: a proxy of the environment is not for addresses of our own, and .netrc not for our key.
        self._http = httpx.Client(
            base_url=place.url if place.socket is None else "http://localhost",
            transport=httpx.HTTPTransport(uds=str(place.socket)) if place.socket is not None else None,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S),
            trust_env=False,
        )

    @classmethod
    def of(cls, settings: Settings, place: Place) -> GatewayClient:
        longest = max(settings.load_timeout_s, settings.request_timeout_s)
        return cls(place, key=settings.bearer_key(), timeout_s=longest)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> GatewayClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readiness(self) -> str | None:
        """What the gateway says of itself: ready, starting, loading, unavailable, stopping. None: nobody answers.

        `unavailable` is also what the balancer in front of it says when it knows of none that is ready.
        """
        import httpx

        try:
            answer = self._http.get("/health/ready", timeout=_CONNECT_S)
        except httpx.HTTPError:
            return None
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found = answer.json()
            if "status" in found:
                return str(found["status"])
            if found["error"]["code"] == "gateway_unavailable":
                return "unavailable"
        raise GatewayMissing(
            f"what listens at {self.place.url} is not Modelyard",
            hint="stop it, or choose another port with MODELYARD_PORT, or another gateway with MODELYARD_URL",
        )

    def get(self, path: str) -> Any:
        return self._json(self.send("GET", path))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._json(self.send("POST", path, json=body))

    def has(self, path: str) -> Any | None:
        """The answer to a GET, None when this gateway has no such path."""
        with self._told():
            answer = self._http.get(path)
        return None if answer.status_code == 404 else self._json(self._checked(answer))

    def require_model(self, name: str) -> None:
        """Raises InvalidInput, with what there is, when the gateway does not serve the model."""
        self.send("GET", f"/v1/models/{quote(name, safe=':')}")

    def load(self, name: str, keep_alive: str | None = None) -> None:
        """Have the model in memory, for as long as is said here; an empty question does it."""
        more = {} if keep_alive is None else {"keep_alive": _seconds_or_words(keep_alive)}
        self.post("/api/generate", {"model": name, "stream": False, **more})

    def unload(self, name: str) -> None:
        self.post("/api/generate", {"model": name, "stream": False, "keep_alive": 0})

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The answer, whole. Raises what the gateway refused or failed with."""
        with self._told():
            return self._checked(self._http.request(method, path, **content))

    def stream(self, path: str, body: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        """The events of a stream, until it ends. Closing it closes the connection, which stops the answer."""
        with self._told(), self._http.stream("POST", path, json={**body, "stream": True}) as answer:
            if answer.status_code != 200:
                answer.read()
                self._checked(answer)
            for line in answer.iter_lines():
                if not line.startswith("data:") or (data := line[5:].strip()) == "[DONE]":
                    continue
                event = json.loads(data)
                if "error" in event:
                    raise EngineError(str(event["error"].get("message", event["error"])))
                yield event

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What the connection fails with, as our errors."""
        import httpx

        try:
            yield
        except httpx.ConnectError as error:
            raise GatewayMissing(
                f"no gateway answers at {self.place.url}", hint="start one: modelyard serve"
            ) from error
        except httpx.TimeoutException as error:
            raise EngineTimeout(f"the gateway at {self.place.url} did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EngineUnavailable(f"the connection to {self.place.url} broke: {error}") from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 400:
            raise _refusal(answer)
        return answer

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise EngineError(f"{self.place.url} did not answer {answer.request.url.path} with JSON") from error


def _seconds_or_words(length: str) -> float | str:
    """A number is meant in seconds, which the gateway takes as a number."""
    try:
        return float(length)
    except ValueError:
        return length


def _refusal(answer: httpx.Response) -> ModelyardError:
    """A refusal in OpenAI's form or Ollama's, as an error whose exit code tells its kind."""
    status, path = answer.status_code, answer.request.url.path
    try:
        said: Any = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        said = None
    code = said.get("code") if isinstance(said, dict) else None
    message = str(said.get("message", "") if isinstance(said, dict) else said or "")
    if status == 401:
        return _key_needed()
    if status == 404:
        if message and (code == "model_not_found" or "model" in message):
            return InvalidInput(message, field="model", hint=_PULL)
        return InvalidInput(f"the gateway has no {path}", hint="is it of the same version as this command?")
    message = message or f"the gateway answered {path} with status {status}"
    if status < 500 and status not in (408, 429):
        return InvalidInput(message, field=said.get("param") if isinstance(said, dict) else None)
    if status in (408, 504):
        return EngineTimeout(message)
    return EngineUnavailable(message) if status in (429, 503) else EngineError(message)


def _key_needed() -> ModelyardError:
    sent = any(os.environ.get(f"MODELYARD_API_KEY{suffix}") for suffix in ("", "_FILE"))
    error = Unauthorized()
    error.hint = (
        "the key of MODELYARD_API_KEY is not the gateway's"
        if sent
        else "set MODELYARD_API_KEY or MODELYARD_API_KEY_FILE to the gateway's key"
    )
    return error
