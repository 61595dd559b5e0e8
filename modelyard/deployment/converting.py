"""A model made in a container that does this one thing: `modelyard convert` or `import` in the converter image.

Knows what the container is given (the source, the models' folder, the hub's token as a file) and reads its progress;
does not know how a model is converted.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelyard.deployment.home import Home
from modelyard.deployment.steps import Told
from modelyard.error_records import from_record
from modelyard.errors import ConversionFailed, ModelyardError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_DATA, _CACHE, _TOKEN = "/data", "/cache", "/run/secrets/hub_token"
_CERTIFICATES = "/run/certificates.pem"
_LAST_LINES = 8
# What a user behind a proxy or with a mirror of the hub has set; handed on as it is.
_HANDED_ON = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("HF_ENDPOINT", "MODELYARD_HUB_ENDPOINTS", "MODELYARD_OFFLINE"),
)


def convert_in_container(
    client: DockerClient,
    image: str,
    arguments: Sequence[str],
    *,
    home: Home,
    source: tuple[Path, str] | None,
    user: tuple[int, int],
    project: str,
    told: Told,
) -> None:
    """Run it to its end. `source`: a place of this host and where the container sees it.

    Raises what the conversion raised, or ConversionFailed with its last lines.
    """
    with _hub_token(home) as token:
        volumes = {str(home.data): {"bind": _DATA, "mode": "rw"}, str(home.cache): {"bind": _CACHE, "mode": "rw"}}
        for place, inside in filter(None, (source, token, certificates())):
            volumes[str(place)] = {"bind": inside, "mode": "ro"}
        container = client.containers.run(
            image,
            list(arguments),
            detach=True,
            user=f"{user[0]}:{user[1]}",
            environment=environment(token=token is not None),
            volumes=volumes,
            read_only=True,
            tmpfs={"/tmp": "rw,mode=1777"},  # noqa: S108 - the container's own
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            labels={"modelyard.project": project, "modelyard.task": "convert"},
        )
        try:
            last = _follow(container, told)
            status = int(container.wait()["StatusCode"])
        finally:
            container.remove(force=True)
    if status != 0:
        raise _failure(last, arguments, status)


def environment(*, token: bool) -> dict[str, str]:
    """The environment of the container: what of ours it needs, and where its folders are."""
    found = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    found |= {"MODELYARD_MODEL_REPOSITORY": f"{_DATA}/models", "HF_HOME": _CACHE, "HOME": "/tmp"}  # noqa: S108
    if token:
        found["HF_TOKEN_PATH"] = _TOKEN
    if certificates() is not None:
        found |= {"SSL_CERT_FILE": _CERTIFICATES, "REQUESTS_CA_BUNDLE": _CERTIFICATES}
    return found


def certificates() -> tuple[Path, str] | None:
    """A bundle of certificates that the user's own programs are told to trust."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        path = Path(os.environ.get(name) or "/nowhere").resolve()
        if path.is_file():
            return path, _CERTIFICATES
    return None


@contextlib.contextmanager
def _hub_token(home: Home) -> Iterator[tuple[Path, str] | None]:
    """The user's token for the hub as a file: in the environment of a container everybody with Docker could read it."""
    if given := os.environ.get("HF_TOKEN"):
        path = home.secrets / "hub_token"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o444)
        with os.fdopen(descriptor, "w") as file:
            file.write(given)
        try:
            yield path, _TOKEN
        finally:
            path.unlink(missing_ok=True)
        return
    yield None


def _follow(container: Container, told: Told) -> list[str]:
    """Tell of the progress as it comes; the last lines that are none."""
    last: list[str] = []
    for line in lines_of(container.logs(stream=True, follow=True)):
        event = _event(line)
        if event is None or "error" in event:
            last = [*last[1 - _LAST_LINES :], line]
        elif "step" in event:
            told.step(str(event["step"]))
        elif "note" in event:
            told.note(str(event["note"]))
        elif "file" in event:
            _tell_download(event, told.step)
    return last


def _tell_download(event: dict[str, Any], tell: Callable[[str], None]) -> None:
    total = int(event.get("total") or 0)
    if total and int(event.get("done") or 0) == 0:
        tell(f"fetching {event['file']} ({total / 1e6:.0f} MB)")


def lines_of(blocks: Iterator[bytes]) -> Iterator[str]:
    """Lines, of blocks that end anywhere."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _failure(last: Sequence[str], arguments: Sequence[str], status: int) -> ModelyardError:
    """The error that the conversion reported in its own words, else its last lines."""
    for line in reversed(last):
        event = _event(line)
        if event is not None and isinstance(event.get("error"), dict):
            return from_record(event["error"])
    said = "\n".join(last)
    return ConversionFailed(f"'modelyard {arguments[0]}' ended with status {status} in its container:\n{said}")
