"""From what is on this host to one signed file: everything is looked up first, gathered, and written once.

Joins the collectors and the archive; knows the order, not how each kind is found.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import modelyard
from modelyard.catalog.exporting import export
from modelyard.catalog.installed import look_up
from modelyard.deployment.bundle import archive, checksums, layout
from modelyard.deployment.bundle.collecting import images as engine_images
from modelyard.deployment.bundle.collecting import packages, trees, wheels
from modelyard.deployment.bundle.collecting.images import FoundImage
from modelyard.deployment.errors import DeployFilesMissing
from modelyard.deployment.steps import Step
from modelyard.errors import InvalidInput, NotEnoughDisk
from modelyard.host import free_disk

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from docker import DockerClient

CHECKOUT = Path(modelyard.__file__).resolve().parents[1]
_INSTALLER = Path(__file__).with_name("install.sh")
_SLACK = 64 * 2**20  # bytes beside the files: headers, lists


@dataclass(frozen=True)
class Order:
    """What is to go into a bundle. `release` is an image such as debian:bookworm-slim, or None for no packages."""

    target: Path
    images: Sequence[str]
    models: Sequence[str]
    release: str | None
    locks: Sequence[Path]  # lock files whose wheels go in; none for no wheels
    python: str | None  # which Python the wheels are for; that of the release when unset
    repository: Path
    prefix: str
    version: str
    force: bool = False


def lock_files(*, native: bool, more: Sequence[Path]) -> tuple[Path, ...]:
    """The lock files whose wheels a bundle has: the command line's, Triton's if asked for, and what was named."""
    folder = CHECKOUT / "requirements"
    return (folder / "gateway.txt", folder / "deploy.txt", *([folder / "engine.txt"] if native else []), *more)


class Creation:
    """One bundle in the making, and its scratch folder. Made when everything that was ordered is known to exist."""

    def __init__(self, order: Order, key: Ed25519PrivateKey | None, client: DockerClient | None) -> None:
        """Raises what is wrong with the order: FileExists, ImageMissing, EntryNotFound, NotEnoughDisk ..."""
        self._order, self._key, self._client = order, key, client
        archive.check_target(order.target, force=order.force)
        if not (CHECKOUT / layout.DEPLOY / "compose/compose.yml").is_file():
            raise DeployFilesMissing(CHECKOUT / layout.DEPLOY)
        self._trees = [found for name in (layout.DEPLOY, layout.ANSIBLE) for found in trees.files_of(CHECKOUT, name)]
        self._images = self._find_images()
        self._platform = self._images[0].platform if self._images else "linux/amd64"
        models = [look_up(order.repository, name) for name in dict.fromkeys(order.models)]
        self._models = [layout.BundledModel(model.name, layout.model_file(model.name)) for model in models]
        self._size = sum(image.size for image in self._images) + sum(model.size for model in models) + _SLACK
        self._check_room(0)
        self._staging: Path | None = None
        self._python = order.python or ""

    def _find_images(self) -> list[FoundImage]:
        if not self._order.images:
            return []
        found = engine_images.find_images(
            self._engine(), self._order.images, prefix=self._order.prefix, version=self._order.version
        )
        if len(platforms := {image.platform for image in found}) > 1:
            raise InvalidInput(f"the images are for {' and '.join(sorted(platforms))}", hint="make a bundle for each")
        return found

    def _engine(self) -> DockerClient:
        if self._client is None:
            raise InvalidInput("images and packages are gathered by a Docker engine, and none was given")
        return self._client

    def _check_room(self, staged: int) -> None:
        folder = self._order.target.absolute().parent
        if (free := free_disk(folder)) < self._size + staged:
            raise NotEnoughDisk(folder, self._size + staged, free)

    def steps(self) -> list[Step]:
        order = self._order
        steps = []
        if order.release is not None:
            words = f"docker run {order.release} apt-get install --download-only ... (the list: {packages.LIST})"
            steps.append(Step("gather packages", words, self._gather_packages))
        if order.locks:
            words = f"pip download {' '.join(f'-r {lock}' for lock in order.locks)}; pip wheel {CHECKOUT}"
            steps.append(Step("gather wheels", words, self._gather_wheels))
        inside = [*(image.bundled.reference for image in self._images), *(f"model {m.name}" for m in self._models)]
        signed = "signed" if self._key is not None else "not signed"
        words = f"{order.target}, {signed}, with {', '.join([*inside, layout.DEPLOY, layout.ANSIBLE])}"
        return [*steps, Step("write the bundle", words, self._write)]

    def _staged(self) -> Path:
        """On the disk of the target, since packages and wheels may be too many for /tmp."""
        if self._staging is None:
            folder = self._order.target.absolute().parent
            self._staging = Path(tempfile.mkdtemp(prefix=f".{self._order.target.name}-", suffix=".parts", dir=folder))
        return self._staging

    def __enter__(self) -> Creation:
        return self

    def __exit__(self, *_: object) -> None:
        """What was gathered is in the bundle now, or of no use."""
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)

    def _gather_packages(self) -> None:
        release = self._order.release or ""
        made = packages.resolve(self._engine(), release, self._staged() / layout.PACKAGES)
        self._python = self._python or made.python

    def _gather_wheels(self) -> None:
        folder = self._staged() / layout.WHEELS
        python = self._python = self._python or wheels.own_python()
        wheels.build_own(CHECKOUT, folder)
        wheels.download(self._order.locks, folder, python=python, platform=self._platform)

    def _write(self) -> None:
        gathered = sorted(path for path in self._staged().rglob("*") if path.is_file())
        self._check_room(sum(path.stat().st_size for path in gathered))
        with archive.written_whole(self._order.target) as stream:
            writer = archive.BundleWriter(stream)
            writer.add_file(layout.INSTALLER, _INSTALLER)
            for path, file in self._trees:
                writer.add_file(path, file)
            for file in gathered:
                writer.add_file(file.relative_to(self._staged()).as_posix(), file)
            for model in self._models:
                with writer.file(model.file) as entering:
                    export(self._order.repository, model.name, entering)
            for image in self._images:
                writer.add(image.bundled.file, engine_images.saved(self._engine(), image.bundled))
            self._seal(writer)

    def _seal(self, writer: archive.BundleWriter) -> None:
        manifest = layout.BundleManifest(
            version=self._order.version,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            platform=self._platform,
            image_prefix=self._order.prefix,
            images=tuple(image.bundled for image in self._images),
            models=tuple(self._models),
            python=self._python if self._order.locks else "",
            release=self._order.release or "",
            files=dict(writer.files),
        )
        writer.add(layout.MANIFEST, [manifest.to_bytes()])
        listed = checksums.to_bytes(writer.files)
        writer.add(layout.CHECKSUMS, [listed])
        if self._key is not None:
            writer.add(layout.SIGNATURE, [self._key.sign(listed)])
        writer.finish()
