"""From a verified bundle to a running deployment: files, images, models, then what `modelyard up` does; no network.

Each step sees whether it is done. When one fails, those before it are taken back as far as something that runs could
notice: names of images, variables and state. Knows the home and the engine; does not know how a bundle is checked.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from modelyard.catalog.archive import Index, read_index
from modelyard.catalog.importing import import_stream
from modelyard.deployment import compose, engine
from modelyard.deployment.answer import model_to_ask
from modelyard.deployment.bundle import layout, unpacking
from modelyard.deployment.bundle.layout import BundledImage, BundledModel
from modelyard.deployment.bundle.opened import Bundle
from modelyard.deployment.bundle.verification import Verified
from modelyard.deployment.errors import BundleUnfit, DeployFilesMissing, DeploymentFailed
from modelyard.deployment.home import Home
from modelyard.deployment.plan import Options, containers_user, options_of, owner_to_set
from modelyard.deployment.steps import Step
from modelyard.deployment.waiting import DEADLINE_S, first_token
from modelyard.entry import Entry, staging_root
from modelyard.errors import EntryExists, InvalidInput
from modelyard.manifest import read_manifest

if TYPE_CHECKING:
    from docker import DockerClient

# In the deployment's state: what was loaded, since an engine may give an image another id, and where the files lie.
_LOADED, _FOLDER = "bundle_images", "deploy_folder"
_MODELS_FILE = """\
# The models of this deployment came in a bundle and lie in data/models. What `modelyard up` should convert or fetch
# besides is added here, as deploy/models.toml explains.
"""


@dataclass(frozen=True)
class Asked:
    """What was typed: `up` are further arguments of `modelyard up`, `force` replaces models that differ."""

    up: tuple[str, ...] = ()
    force: bool = False
    start: bool = True
    deploy_files: Path | None = None  # the setting


class Installation:
    """One bundle on one host. `folder` is where its deployment files are, or will be."""

    def __init__(self, bundle: Bundle, verified: Verified, home: Home, client: DockerClient, asked: Asked) -> None:
        """Raises BundleUnfit and EntryExists, before anything is changed."""
        self._bundle, self._manifest, self._digests = bundle, verified.manifest, verified.digests
        self._home, self._client, self._asked = home, client, asked
        about = client.info()
        self._owner = owner_to_set(containers_user(os.getuid(), os.getgid(), rootless=engine.is_rootless(about)))
        self._names_before: dict[str, str | None] = {}
        self._touched_containers = False
        self._check_platform(str(about.get("Architecture", "")))
        self._check_models()
        if self._runs_another_version() and asked.up:
            raise InvalidInput(
                f"{' and '.join(asked.up[::2])} cannot be changed together with the version",
                hint="install without; 'modelyard up' changes them afterwards",
            )
        self.folder = self._deploy_folder()

    def _check_platform(self, architecture: str) -> None:
        names = {"x86_64": "amd64", "aarch64": "arm64"}
        here = f"linux/{names.get(architecture, architecture)}"
        if self._manifest.images and self._manifest.platform != here:
            raise BundleUnfit(self._bundle.name, f"it is for {self._manifest.platform}, and this engine runs {here}")

    def _check_models(self) -> None:
        for model in self._manifest.models:
            if self._entry(model).exists() and not self._is_imported(model) and not self._asked.force:
                raise EntryExists(model.name)

    def _deploy_folder(self) -> Path:
        """Where this program looks for them, if those are the bundle's, as after install.sh; else one in the home."""
        try:
            found = compose.deploy_folder(self._asked.deploy_files)
        except DeployFilesMissing:
            found = None
        if found is not None and unpacking.is_unpacked(self._digests, layout.DEPLOY, found):
            return found
        return self._home.path / "files" / self._manifest.version

    def steps(self) -> list[Step]:
        return [
            Step(
                "making the home of the deployment",
                f"mkdir {self._home.path} with secrets/ (mode 0700) and data/models/",
                lambda: self._home.make(self._owner),
                lambda: self._home.is_made(self._owner),
            ),
            Step(
                "unpacking the deployment files",
                f"write {self.folder}",
                lambda: unpacking.unpack_tree(self._bundle, self._digests, layout.DEPLOY, self.folder),
                lambda: unpacking.is_unpacked(self._digests, layout.DEPLOY, self.folder),
            ),
            *map(self._load, self._manifest.images),
            *map(self._import, self._manifest.models),
            *(self._start() if self._asked.start else []),
        ]

    # Images

    def _load(self, image: BundledImage) -> Step:
        return Step(
            f"loading {image.reference}",
            f"docker load < {image.file}",
            lambda: self._load_image(image),
            lambda: self._is_loaded(image),
        )

    def _load_image(self, image: BundledImage) -> None:
        from docker.errors import DockerException

        self._names_before[image.reference] = self._id_of(image.reference)
        pieces = unpacking.pieces(self._bundle, image.file, self._digests[image.file])
        try:
            # The SDK's types ask for a file or all of its bytes; what carries it takes pieces as they come.
            self._client.images.load(cast(Any, pieces))
        except DockerException as error:
            raise BundleUnfit(self._bundle.name, f"the engine does not take {image.file}: {error}") from error
        found = self._id_of(image.reference)
        if found is None:
            raise BundleUnfit(self._bundle.name, f"{image.file} does not hold {image.reference}")
        state = self._home.read_state()
        loaded = {**state.get(_LOADED, {}), image.reference: [self._digests[image.file], found]}
        self._home.write_state({**state, _LOADED: loaded})

    def _is_loaded(self, image: BundledImage) -> bool:
        found = self._id_of(image.reference)
        noted = self._home.read_state().get(_LOADED, {}).get(image.reference)
        return found is not None and (found == image.engine_id or noted == [self._digests[image.file], found])

    def _id_of(self, reference: str) -> str | None:
        from docker.errors import ImageNotFound

        try:
            return str(self._client.images.get(reference).id)
        except ImageNotFound:
            return None

    # Models

    def _import(self, model: BundledModel) -> Step:
        return Step(
            f"importing {model.name}",
            f"modelyard import {model.file} --repository {self._home.models}",
            lambda: self._import_model(model),
            lambda: self._is_imported(model),
        )

    def _import_model(self, model: BundledModel) -> None:
        with self._bundle.open(model.file) as stream:
            import_stream(self._home.models, stream, model.file, name=model.name, force=self._asked.force)
        if self._owner is not None:
            _give(self._owner, self._entry(model).folder, staging_root(self._home.models))

    def _is_imported(self, model: BundledModel) -> bool:
        entry = self._entry(model)
        manifest = read_manifest(entry) if entry.exists() else None
        return manifest is not None and dict(manifest.files) == dict(self._index(model).files)

    def _index(self, model: BundledModel) -> Index:
        with self._bundle.open(model.file) as stream:
            return read_index(stream, model.file)

    def _entry(self, model: BundledModel) -> Entry:
        return Entry(self._home.models / model.name)

    # Start

    def _start(self) -> list[Step]:
        command = self._command()
        steps = [
            Step(
                f"starting, as modelyard {command[3]} does",
                f"MODELYARD_DEPLOY_FILES={self.folder} modelyard {' '.join(command[3:])}",
                self._run_command,
            )
        ]
        names = ", ".join(model.name for model in self._manifest.models)
        if names:
            words = f"a streamed chat with the first of {names} that chats, up to its first token"
            steps.append(Step("asking a model", words, self._ask))
        return steps

    def _runs_another_version(self) -> bool:
        return self._home.read_state().get("version") not in (None, self._manifest.version)

    def _command(self) -> list[str]:
        """`modelyard up`; where another version runs `modelyard upgrade`, which loses no answer in progress."""
        program, home = [sys.executable, "-m", "modelyard"], ["--home", str(self._home.path)]
        if self._runs_another_version():
            return [*program, "upgrade", "--to", self._manifest.version, *home]
        listed = self._home.read_state().get("options", {}).get("models_file")
        models = ["--models", str(self._models_file)] if listed is None else []
        return [*program, "up", *home, *self._asked.up, *models]

    @property
    def _models_file(self) -> Path:
        return self._home.path / "models.toml"

    def _run_command(self) -> None:
        if not self._models_file.exists():
            self._models_file.write_text(_MODELS_FILE)
        environment = {
            **os.environ,
            "MODELYARD_DEPLOY_FILES": str(self.folder),
            "MODELYARD_VERSION": self._manifest.version,
            "MODELYARD_IMAGE_PREFIX": self._manifest.image_prefix,
        }
        # A process of its own, since it takes the home's lock and reads the settings anew.
        command = self._command()
        self._touched_containers = True
        done = subprocess.run(command, env=environment, check=False)
        if done.returncode != 0:
            raise DeploymentFailed(f"'modelyard {command[3]}' ended with status {done.returncode}", "")
        self._home.write_state({**self._home.read_state(), _FOLDER: str(self.folder)})

    def _ask(self) -> None:
        from modelyard.cli.gateway_client import GatewayClient, Place

        model = model_to_ask(self._home, [model.name for model in self._manifest.models])
        if model is None:
            return
        options = options_of(self._home.read_state()) or Options()
        with GatewayClient(Place(options.url, local=False), key=self._home.key(), timeout_s=DEADLINE_S) as gateway:
            first_token(gateway, model)

    # The way back

    @contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """What was deployed before runs on, or again, when the block fails."""
        state, variables = self._home.read_state(), self._home.read_env()
        try:
            yield
        except BaseException:
            self._restore_names()
            if "files" in state:  # something was deployed before
                self._home.write_state(state)
                self._home.write_env(variables)
                if self._touched_containers:
                    self._bring_back(state)
            raise

    def _restore_names(self) -> None:
        for reference, before in self._names_before.items():
            if before is not None and self._id_of(reference) != before:
                self._client.images.get(before).tag(*_split(reference))

    def _bring_back(self, state: Mapping[str, Any]) -> None:
        """Compose with the files, the variables and the images' names of before."""
        folder = Path(state.get(_FOLDER, self.folder))
        name = str(state.get("project", compose.PROJECT))
        files = tuple(state["files"])
        project = compose.Project(compose.find_compose(), folder / "compose", files, self._home.env_file, name)
        project.run("up", "--detach", "--no-build")


def _split(reference: str) -> tuple[str, str]:
    name, _, tag = reference.rpartition(":")
    return (name, tag) if name and "/" not in tag else (reference, "latest")


def _give(owner: tuple[int, int], *folders: Path) -> None:
    """The containers' user owns models, since the converter's container may replace them later."""
    for folder in folders:
        if folder.exists():
            for path in (folder, *folder.rglob("*")):
                os.chown(path, *owner, follow_symlinks=False)
