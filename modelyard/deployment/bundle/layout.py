"""What lies where in a bundle, and its own description of itself, `manifest.json`.

Knows names and JSON; does not know how a bundle is written, signed or installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from modelyard.catalog.integrity import is_safe
from modelyard.deployment.errors import BundleDamaged
from modelyard.manifest import FileRecord

CHECKSUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
MANIFEST = "manifest.json"
INSTALLER = "install.sh"
IMAGES, MODELS, WHEELS, PACKAGES = "images", "models", "wheels", "packages"
DEPLOY, ANSIBLE = "deploy", "ansible"

_FORMAT = 1
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class BundledImage:
    """`reference` is what `docker load` brings back, `engine_id` the image's digest as the engine has it."""

    reference: str
    file: str
    engine_id: str


@dataclass(frozen=True)
class BundledModel:
    name: str
    file: str


@dataclass(frozen=True)
class BundleManifest:
    """`python` and `release` say what the wheels and the packages are for; empty where there are none."""

    version: str  # of Modelyard, and the tag of its images
    created: str  # ISO 8601, UTC
    platform: str  # as engines write it: linux/amd64
    image_prefix: str  # before the names of Modelyard's own images
    images: tuple[BundledImage, ...] = ()
    models: tuple[BundledModel, ...] = ()
    python: str = ""
    release: str = ""
    files: Mapping[str, FileRecord] = field(default_factory=dict)  # all but this file, the checksums and the signature

    def to_bytes(self) -> bytes:
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=1, sort_keys=True).encode() + b"\n"


def read_manifest(text: bytes, bundle: str) -> BundleManifest:
    """`bundle` names it in errors. Raises BundleDamaged for what cannot be read, or is of a later format."""
    try:
        content: dict[str, Any] = json.loads(text)
        if content["format"] > _FORMAT:
            raise BundleDamaged(bundle, ["a later Modelyard made it"])
        found = BundleManifest(
            version=str(content["version"]),
            created=str(content["created"]),
            platform=str(content["platform"]),
            image_prefix=str(content["image_prefix"]),
            images=tuple(BundledImage(**image) for image in content["images"]),
            models=tuple(BundledModel(**model) for model in content["models"]),
            python=str(content["python"]),
            release=str(content["release"]),
            files={path: FileRecord(**record) for path, record in content["files"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BundleDamaged(bundle, [f"{MANIFEST} cannot be read: {type(error).__name__}"]) from error
    named = [*(image.file for image in found.images), *(model.file for model in found.models)]
    if astray := [file for file in named if not is_safe(file) or file not in found.files]:
        raise BundleDamaged(bundle, [f"{MANIFEST} names {file!r}, which is not in the bundle" for file in astray])
    return found


def image_file(reference: str, prefix: str) -> str:
    """Where an image lies: `images/<image>-<version>.tar`, the name that the Ansible roles look for.

    Modelyard's own images stand under `prefix`, which is left out; of others the folder stays in the name, since two
    of those may end in the same word.
    """
    name = reference.removeprefix(f"{prefix}/")
    return f"{IMAGES}/{_NOT_IN_A_FILE_NAME.sub('-', name)}.tar"


def model_file(name: str) -> str:
    return f"{MODELS}/{name}.tar"
