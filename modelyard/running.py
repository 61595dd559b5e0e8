"""Which services run on a repository, and which models their Tritons have loaded.

A service writes a small file beside the repository and keeps it locked for as long as it lives. The kernel gives the
lock back however the service ends, so a file that can be locked is that of a dead one; unlike a process id, this
holds between containers that share the folder, and no other process can be taken for it. Knows Triton's index; does
not know the gateway.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from modelyard.entry import staging_root
from modelyard.errors import EngineTimeout, EngineUnavailable

FOLDER = "services"
# A model in one of these states has its files open, or will have in a moment.
_HELD = frozenset({"READY", "LOADING", "UNLOADING"})


@dataclass(frozen=True)
class Service:
    """A service that lives: its process, its gateway's address, its Tritons as grpc://host:port, since when."""

    pid: int
    url: str
    tritons: tuple[str, ...]
    started: str  # ISO 8601, UTC


@dataclass(frozen=True)
class Loaded:
    """The models that are loaded, each with the Tritons that have it; `silent` are Tritons that did not answer."""

    models: Mapping[str, tuple[str, ...]]
    silent: tuple[str, ...] = ()

    def has(self, name: str) -> bool | None:
        """None when it is not known: a Triton of a living service did not answer."""
        return True if name in self.models else None if self.silent else False


@contextlib.contextmanager
def announce(repository: Path, *, url: str, tritons: Sequence[str]) -> Iterator[None]:
    """Say that this process serves the repository, until the block ends.

    A place that cannot be written to is no reason not to serve: then nobody is told.
    """
    service = Service(os.getpid(), url, tuple(tritons), datetime.now(timezone.utc).replace(microsecond=0).isoformat())
    try:
        descriptor, path = _write(staging_root(repository) / FOLDER, service)
    except OSError as error:
        import structlog

        # Expected where models are mounted for reading only, as in containers.
        level = "info" if error.errno == errno.EROFS else "warning"
        getattr(structlog.get_logger(__name__), level)("other commands are not told of this service", reason=str(error))
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _write(folder: Path, service: Service) -> tuple[int, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{service.pid}-{secrets.token_hex(4)}.json"
    # Locked before it has the name that others look for: a file that is seen and can be locked is a dead one's.
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, json.dumps(asdict(service)).encode())
        partial.rename(path)
    except OSError:
        os.close(descriptor)
        partial.unlink(missing_ok=True)
        raise
    return descriptor, path


def find_running(repository: Path) -> list[Service]:
    """The services that live; the files of those that were killed are removed on the way."""
    found = []
    for path in sorted((staging_root(repository) / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if _is_alive(path):
                content = json.loads(path.read_bytes())
                tritons = tuple(str(url) for url in content["tritons"])
                found.append(Service(int(content["pid"]), str(content["url"]), tritons, str(content["started"])))
            else:
                path.unlink(missing_ok=True)
    return found


def _is_alive(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared, so that two who look do not see each other
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def loaded_models(repository: Path, *, timeout_s: float = 2.0) -> Loaded:
    """What the Tritons of the running services have loaded, as they say themselves."""
    urls = list(dict.fromkeys(url for service in find_running(repository) for url in service.tritons))
    if not urls:
        return Loaded({})
    models: dict[str, tuple[str, ...]] = {}
    silent = []
    for url, states in _ask(urls, timeout_s).items():
        if states is None:
            silent.append(url)
            continue
        for name in sorted(name for name, held in states.items() if held):
            models[name] = (*models.get(name, ()), url)
    return Loaded(models, tuple(silent))


def unload(name: str, tritons: Iterable[str], *, timeout_s: float = 30.0) -> None:
    """Have these Tritons give a model up, and wait until they have.

    Raises EngineUnavailable when one does not answer, EngineTimeout when answers in progress take too long.
    """
    import grpc
    from tritonclient.grpc import service_pb2

    for url in tritons:
        with _stub(url) as stub:
            try:
                stub.RepositoryModelUnload(service_pb2.RepositoryModelUnloadRequest(model_name=name), timeout=timeout_s)
            except grpc.RpcError as error:
                raise EngineUnavailable(f"the Triton at {url} does not unload '{name}': {error.details()}") from error
        # The call returns before requests in progress are done with the model.
        deadline = time.monotonic() + timeout_s
        while (_ask([url], 2.0)[url] or {}).get(name):
            if time.monotonic() > deadline:
                raise EngineTimeout(f"the Triton at {url} still uses '{name}' after {timeout_s:g} seconds")
            time.sleep(0.1)


def _ask(urls: Sequence[str], timeout_s: float) -> dict[str, dict[str, bool] | None]:
    """Of each Triton every model and whether it is held, all asked at once; None where there was no answer."""
    import grpc  # 0.2 s, and most often nobody runs
    from tritonclient.grpc import service_pb2

    answers: dict[str, dict[str, bool] | None] = {}
    with contextlib.ExitStack() as channels:
        asked = {
            url: channels.enter_context(_stub(url)).RepositoryIndex.future(
                service_pb2.RepositoryIndexRequest(), timeout=timeout_s
            )
            for url in urls
        }
        for url, call in asked.items():
            try:
                index = call.result().models
            except grpc.RpcError:
                answers[url] = None
                continue
            held: dict[str, bool] = {}
            for model in index:  # one line for each version
                held[model.name] = held.get(model.name, False) or model.state in _HELD
            answers[url] = held
    return answers


@contextlib.contextmanager
def _stub(url: str) -> Iterator[Any]:
    import grpc
    from tritonclient.grpc import service_pb2_grpc

    scheme, _, target = url.rpartition("://")
    options = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))
    with (
        grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
        if scheme == "grpcs"
        else grpc.insecure_channel(target, options)
    ) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)
