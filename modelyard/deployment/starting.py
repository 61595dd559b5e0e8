"""The steps of `modelyard up`, from an empty folder to running containers.

Joins the home, the images, the models and compose; whether the service answers then is `waiting`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.deployment import model_list, obtaining
from modelyard.deployment.compose import Project
from modelyard.deployment.containers import as_wanted, containers, of_current_images
from modelyard.deployment.converting import convert_in_container
from modelyard.deployment.home import Home
from modelyard.deployment.images import IMAGES
from modelyard.deployment.model_list import ModelWish
from modelyard.deployment.obtaining import Manner
from modelyard.deployment.plan import Deployment, owner_to_set
from modelyard.deployment.steps import Step, Told
from modelyard.entry import entry_at
from modelyard.gpus import Gpu

if TYPE_CHECKING:
    from docker import DockerClient

_UP = ("up", "--detach", "--no-build", "--remove-orphans")


@dataclass(frozen=True)
class Site:
    """Where a deployment is made, and with what: `client` is asked for when a step needs the engine."""

    home: Home
    folder: Path  # deploy/
    client: Callable[[], DockerClient]
    told: Told
    gpus: Sequence[Gpu] = ()

    def project(self, deployment: Deployment, program: tuple[str, ...]) -> Project:
        files = tuple(deployment.files)
        return Project(program, self.folder / "compose", files, self.home.env_file, deployment.identity.project)


def steps(
    deployment: Deployment, site: Site, *, manner: Manner = "auto", refresh: bool = False, project: Project
) -> list[Step]:
    """All of them, in order. `refresh` has the hub asked again for models that are here."""
    models = [step_of_model(wish, deployment, site, refresh=refresh) for wish in deployment.models]
    needed = obtaining.images_of(deployment.options.profile, converter=any(not step.is_done() for step in models))
    source = obtaining.Source(
        site.client,
        site.folder,
        deployment.identity.image_prefix,
        deployment.identity.version,
        manner,
        npu=deployment.options.profile == "intel-npu",
    )
    return [
        *_home(deployment, site.home),
        *obtaining.steps(needed, source),
        *models,
        *_record(deployment, site.home),
        _start(deployment, site, project),
    ]


def _home(deployment: Deployment, home: Home) -> list[Step]:
    owner = owner_to_set(deployment.user)
    folders = Step(
        title="making the home of the deployment",
        words=f"mkdir {home.path} with secrets/ (mode 0700), data/models/ and cache/",
        run=lambda: home.make(owner),
        is_done=lambda: home.is_made(owner),
    )
    return [folders, *(_secret(name, home) for name in deployment.secrets)]


def _secret(name: str, home: Home) -> Step:
    return Step(
        title=f"making a secret: {name}",
        words=f"write 32 random bytes into {home.secrets / name}",
        run=lambda: home.make_secret(name),
        is_done=lambda: home.has_secret(name),
    )


def step_of_model(wish: ModelWish, deployment: Deployment, site: Site, *, refresh: bool = False) -> Step:
    """One model, made in the converter's container; done when the entry is there and nothing it came from changed."""
    profile, home = deployment.options.profile, site.home
    image = IMAGES[obtaining.CONVERTER].tag(deployment.identity.version, deployment.identity.image_prefix)
    arguments = wish.arguments(profile, site.gpus)

    def run() -> None:
        convert_in_container(
            site.client(),
            image,
            arguments,
            home=home,
            source=(wish.folder, wish.mounted) if wish.folder is not None else None,
            user=deployment.user,
            project=deployment.identity.project,
            told=site.told,
        )
        state = home.read_state()
        records = {**state.get("models", {}), wish.name: wish.record(profile, site.gpus)}
        home.write_state({**state, "models": records})

    def is_done() -> bool:
        if refresh and wish.folder is None:
            return False
        made = model_list.as_made(home.read_state(), wish.name)
        return entry_at(home.models, wish.name).exists() and made == wish.record(profile, site.gpus)

    verb = "importing" if wish.is_archive else "converting" if wish.folder is not None else "fetching and converting"
    return Step(
        title=f"{verb} {wish.name} from {wish.source}",
        words=f"modelyard {' '.join(arguments)}, in a container of {image} that writes to {home.models}",
        run=run,
        is_done=is_done,
    )


def _record(deployment: Deployment, home: Home) -> list[Step]:
    """The variables and the state: what was asked for last, also when it does not come up."""
    return [
        Step(
            title="writing the variables of compose",
            words=f"write {home.env_file}",
            run=lambda: home.write_env(deployment.variables(home)),
            is_done=lambda: home.read_env() == deployment.variables(home),
        ),
        Step(
            title="recording the deployment",
            words=f"write {home.state_file}",
            run=lambda: home.write_state(deployment.state(home.read_state())),
            is_done=lambda: home.read_state() == deployment.state(home.read_state()),
        ),
    ]


def _start(deployment: Deployment, site: Site, project: Project) -> Step:
    counts = {"gateway": deployment.options.gateways, "triton": deployment.options.tritons}

    def is_done() -> bool:
        client = site.client()
        seen = containers(client, deployment.identity.project)
        return bool(seen) and as_wanted(seen, project.hashes(), counts) and of_current_images(client, seen)

    return Step(
        title="starting the containers",
        words=" ".join(project.command(*_UP)),
        run=lambda: _discard(project.run(*_UP)),
        is_done=is_done,
    )


def _discard(_: str) -> None:
    """Compose's own progress is not ours."""
