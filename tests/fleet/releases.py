"""Three versions of our images as archives, as a release's download page or a registry would offer them.

FIRST is what the Dockerfiles make; NEXT differs by a label; MUTE is a Triton that becomes ready and can answer nothing.
Knows Docker's command line and the form of `docker save`; does not know playbooks.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

from modelyard import __version__
from tests.deploy.building import built

ROOT = Path(__file__).resolve().parents[2]
FIRST, NEXT, MUTE = __version__, f"{__version__}-next", f"{__version__}-mute"
IMAGES = ("gateway", "triton-openvino")

_BACKENDS = "/opt/modelyard/lib/python3*/site-packages/backends"
_CHANGES = {
    NEXT: {"gateway": "LABEL test=next", "triton-openvino": "LABEL test=next"},
    MUTE: {
        "gateway": "LABEL test=mute",
        # Triton starts and says that it is ready; the backend of every language model is not there.
        "triton-openvino": f"USER 0\nRUN rm -r {_BACKENDS}/openvino_genai\nUSER 10001:10001",
    },
}


def make(folder: Path) -> Path:
    """The folder with <image>-<version>.tar of each version."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        built(image, FIRST)
        _docker("save", "--output", str(folder / f"{image}-{FIRST}.tar"), _tag(image, FIRST))
        for version, changes in _CHANGES.items():
            dockerfile = f"FROM {_tag(image, FIRST)}\n{changes[image]}\n"
            _docker("build", "--quiet", "--tag", _tag(image, version), "-", stdin=dockerfile)
            whole = folder / f"{image}-{version}.whole.tar"
            _docker("save", "--output", str(whole), _tag(image, version))
            _without_layers_of(folder / f"{image}-{FIRST}.tar", whole, folder / f"{image}-{version}.tar")
            whole.unlink()
    return folder


def _without_layers_of(first: Path, whole: Path, thin: Path) -> None:
    """Hosts have the layers of the first version, and an engine reads only those that it lacks from an archive."""
    known = set(_layers(first))
    with tarfile.open(whole) as source, tarfile.open(thin, "w") as target:
        for member in source:
            if member.name not in known:
                target.addfile(member, source.extractfile(member) if member.isfile() else None)


def _layers(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        return list(json.load(manifest)[0]["Layers"])


def _tag(image: str, version: str) -> str:
    return f"modelyard/{image}:{version}"


def _docker(*arguments: str, stdin: str | None = None) -> None:
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
