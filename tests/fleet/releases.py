"""Three versions of our images as archives, as a release's download page or a registry would offer them.

FIRST is what the Dockerfiles make; NEXT differs by a label; MUTE is a Triton that becomes ready and can answer nothing.
Knows Docker's command line and the form of `docker save`; does not know playbooks.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

from modelyard import __version__
from tests.deploy.building import built

ROOT = Path(__file__).resolve().parents[2]
FIRST, NEXT, MUTE = __version__, f"{__version__}-next", f"{__version__}-mute"
IMAGES = ("gateway", "triton-openvino")  # in the order in which a model server loads them

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
    known: set[str] = set()
    for version in (FIRST, NEXT, MUTE):
        for image in IMAGES:
            if version == FIRST:
                built(image, FIRST)
            else:
                dockerfile = f"FROM {_tag(image, FIRST)}\n{_CHANGES[version][image]}\n"
                _docker("build", "--quiet", "--tag", _tag(image, version), "-", stdin=dockerfile)
            known |= _save(_tag(image, version), folder / f"{image}-{version}.tar", known)
    return folder


def add(image: str, folder: Path) -> None:
    """Another image of the first version, with all of its layers."""
    built(image, FIRST)
    _save(_tag(image, FIRST), folder / f"{image}-{FIRST}.tar", set())


def _save(tag: str, archive: Path, known: set[str]) -> set[str]:
    """`docker save` without layers that hosts have: an engine reads only those that it lacks. The layers of the image.

    What is left out is most of it: the base images, and all of the version before.
    """
    with (
        subprocess.Popen(["docker", "save", tag], stdout=subprocess.PIPE) as saving,
        tarfile.open(fileobj=saving.stdout, mode="r|") as source,
        tarfile.open(archive, "w") as target,
    ):
        layers: set[str] = set()
        for member in source:
            content = source.extractfile(member) if member.isfile() else None
            if member.name == "manifest.json" and content is not None:
                manifest = content.read()
                layers = set(json.loads(manifest)[0]["Layers"])
                content = io.BytesIO(manifest)
            if member.name not in known:
                target.addfile(member, content)
    assert saving.returncode == 0, f"docker save {tag} ended with {saving.returncode}"
    assert layers, f"docker save {tag} wrote no manifest"
    return layers


def _tag(image: str, version: str) -> str:
    return f"modelyard/{image}:{version}"


def _docker(*arguments: str, stdin: str | None = None) -> None:
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
