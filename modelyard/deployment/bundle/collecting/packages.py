"""Distribution packages of another release than this host's, resolved and downloaded in a container of that release.

Knows the container and what it leaves behind; which packages stands in `packages.txt`, how they are found in
`resolve.sh`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.deployment.errors import ImageMissing, PackagesUnresolved

if TYPE_CHECKING:
    from docker import DockerClient

LIST = Path(__file__).parents[1] / "packages.txt"
_SCRIPT = Path(__file__).with_name("resolve.sh")
_PYTHON = "python"  # the file in which the script says which Python the release has
_LAST_LINES = 12
_NO_BASE = "packages are resolved in a container of it"


@dataclass(frozen=True)
class Repository:
    """A flat apt repository in `folder`; `python` is the version of the release's interpreter, as in 3.11."""

    folder: Path
    python: str


def resolve(client: DockerClient, release: str, folder: Path, *, listed: Path = LIST) -> Repository:
    """Make the repository in `folder`. Raises ImageMissing for the release's image, and PackagesUnresolved."""
    from docker.errors import ContainerError, ImageNotFound

    folder.mkdir(parents=True, exist_ok=True)
    try:
        client.images.get(release)
    except ImageNotFound as error:
        raise ImageMissing(release, _NO_BASE, hint=f"docker pull {release}") from error
    container = client.containers.create(
        release,
        ["sh", "/resolve.sh"],
        environment={"OWNER": f"{os.getuid()}:{os.getgid()}", "DEBIAN_FRONTEND": "noninteractive"},
        volumes={
            str(folder.absolute()): {"bind": "/out", "mode": "rw"},
            str(listed.absolute()): {"bind": "/packages.txt", "mode": "ro"},
            str(_SCRIPT.absolute()): {"bind": "/resolve.sh", "mode": "ro"},
        },
    )
    try:
        container.start()
        status = int(container.wait(timeout=3600)["StatusCode"])
        if status:
            said = container.logs(tail=_LAST_LINES).decode(errors="replace").strip()
            raise PackagesUnresolved(release, said)
    except ContainerError as error:
        raise PackagesUnresolved(release, str(error)) from error
    finally:
        container.remove(force=True)
    python = (folder / _PYTHON).read_text().strip()
    (folder / _PYTHON).unlink()
    return Repository(folder, python)
