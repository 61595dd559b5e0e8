"""Docker's engine on this host, reached by Docker's SDK for Python.

Knows where the engine listens and why it may not answer; does not know what is deployed on it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelyard.deployment.errors import DockerUnreachable

if TYPE_CHECKING:
    from docker import DockerClient

_TIMEOUT_S = 60  # as the SDK's own; removing a large container takes tens of seconds on a slow disk
DEFAULT_SOCKET = "unix:///var/run/docker.sock"


def address() -> str:
    """Where the engine listens: DOCKER_HOST, else what the chosen context of the `docker` program says."""
    if given := os.environ.get("DOCKER_HOST"):
        return given
    from docker.context import ContextAPI

    context = ContextAPI.get_current_context()
    return str(context.Host) if context is not None and context.Host else DEFAULT_SOCKET


def connect(timeout_s: int = _TIMEOUT_S) -> DockerClient:
    """A client of an engine that has answered. Raises DockerUnreachable."""
    import docker
    from docker.errors import DockerException
    from docker.tls import TLSConfig

    where = address()
    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.expanduser("~/.docker")  # noqa: PTH111
    checked = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    try:
        tls = (
            TLSConfig(client_cert=(f"{folder}/cert.pem", f"{folder}/key.pem"), ca_cert=f"{folder}/ca.pem", verify=True)
            if checked and where.startswith("tcp://")
            else False
        )
        client = docker.DockerClient(base_url=where, version="auto", timeout=timeout_s, tls=tls)
        client.ping()
    except DockerException as error:
        raise DockerUnreachable(where, _cause(error)) from error
    return client


def is_rootless(info: Mapping[str, Any]) -> bool:
    """Whether the engine runs as an ordinary user, by what it says of itself (`docker info`)."""
    return any("name=rootless" in option for option in info.get("SecurityOptions") or ())


def _cause(error: BaseException) -> BaseException:
    """What lies at the bottom: the SDK wraps the operating system's error three times."""
    while (inner := error.__cause__ or error.__context__) is not None:
        if isinstance(inner, (PermissionError, FileNotFoundError, ConnectionRefusedError)):
            return inner
        error = inner
    return error
