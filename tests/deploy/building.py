"""The images of deploy/docker/, built once for all tests by the command that users have.

Knows `docker build` and the table of images; does not know what is tested with them.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from modelyard.deployment.images import IMAGES, build_command

ROOT = Path(__file__).resolve().parents[2]


class BuildFailed(AssertionError):
    """With the last lines that the builder said."""


@functools.cache
def built(key: str, version: str = "", prefix: str = "modelyard", buildkit: bool = False) -> str:
    """The tag of an image, up to date with the sources; layers that are there are taken. `key` is one of IMAGES."""
    image = IMAGES[key]
    wanted = {"version": version} if version else {}
    client = client_with_buildkit() if buildkit else "docker"
    command = build_command(image, prefix=prefix, revision=commit(), source=SOURCE, docker=[client], **wanted)
    run(command, buildkit=buildkit)
    return image.tag(prefix=prefix, **wanted)


# Where the sources are is only known to who publishes them.
SOURCE = "https://example.org/modelyard.git"


def client_with_buildkit() -> str:
    """A `docker` that builds with BuildKit; one that is newer than 20 lacks it without its plugin buildx."""
    for folder in os.get_exec_path():
        if (candidate := shutil.which("docker", path=folder)) is None:
            continue
        version = ["version", "--format", "{{.Client.Version}}"]
        asked = subprocess.run([candidate, *version], capture_output=True, text=True, check=False).stdout
        plugin = subprocess.run([candidate, "buildx", "version"], capture_output=True, check=False).returncode == 0
        if plugin or 18 <= int(asked.partition(".")[0] or 0) <= 20:
            return candidate
    raise BuildFailed("no docker on the PATH has BuildKit; on Debian: apt-get install docker.io")


@functools.cache  # the images of a run bear one revision, also when somebody commits while it runs
def commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


def run(command: list[str], *, buildkit: bool = False, folder: Path = ROOT) -> str:
    """What a build says, which runs in `folder`. Raises BuildFailed."""
    environment = {**os.environ, "DOCKER_BUILDKIT": "1" if buildkit else "0", "BUILDKIT_PROGRESS": "plain"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).splitlines()[-30:]
        raise BuildFailed(" ".join(command) + "\n" + "\n".join(lines))
    return done.stdout + done.stderr
