"""From the version that runs to another one and back: its images, the variables of compose, one service at a time.

Triton goes first: a gateway takes on a new Triton by itself, and has it load what the old one had. The balancer stays
as it is unless it is asked for, since nobody is in front of it to hold a connection meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import modelyard
from modelyard.deployment import obtaining
from modelyard.deployment.compose import Project
from modelyard.deployment.containers import running
from modelyard.deployment.errors import DeploymentMissing, RollbackFailed
from modelyard.deployment.home import Home
from modelyard.deployment.images import Image
from modelyard.deployment.obtaining import Source
from modelyard.deployment.plan import options_of
from modelyard.deployment.profile import Profile
from modelyard.deployment.rolling import Rolling
from modelyard.deployment.steps import Step, Told
from modelyard.errors import InvalidInput, ModelyardError

if TYPE_CHECKING:
    from docker import DockerClient

VERSION, BALANCER_VERSION = "MODELYARD_VERSION", "MODELYARD_BALANCER_VERSION"
_LATER_THAN_NEEDED = 1.2  # times the memory of the old Triton: models grow while they answer


@dataclass(frozen=True)
class Change:
    """Of one version to another. `beside` says of Triton whether the new one starts while the old one runs."""

    before: str
    after: str
    beside: bool
    balancer: bool


def change_to(version: str | None, state: Mapping[str, Any], *, beside: bool, balancer: bool, home: Home) -> Change:
    """The change to `version`, or to the previous one when it is None. Raises DeploymentMissing and InvalidInput."""
    before = state.get("version")
    if not before:
        raise DeploymentMissing(home.path)
    after = version or state.get("previous")
    if not after:
        raise InvalidInput(
            "there is no previous version to go back to", hint="name one: modelyard upgrade --to VERSION"
        )
    if after == before:
        raise InvalidInput(f"{before} is what runs", hint="name another version: modelyard upgrade --to VERSION")
    return Change(str(before), str(after), beside, balancer)


def fits_beside(profile: Profile, free: int, used: int) -> bool:
    """Whether a second Triton has room beside the first: `free` and `used` in bytes of the host's memory.

    Never on NVIDIA's GPUs: vLLM takes nearly all of their memory when it starts.
    """
    return profile != "cuda" and free > used * _LATER_THAN_NEEDED


def memory_of(client: DockerClient, project: str, service: str) -> int:
    """Bytes that the largest container of a service takes now; 0 when none runs."""
    figures: list[Any] = [container.stats(stream=False) for container in running(client, project, service)]
    return max((int(figure["memory_stats"].get("usage", 0)) for figure in figures), default=0)


def steps(
    change: Change,
    *,
    home: Home,
    project: Project,
    source: Source,
    rolling: Callable[[], Rolling],
    ask: Callable[[], object],
    told: Told,
) -> list[Step]:
    """All of them, in order. `ask` has the service answer, and raises when it does not."""
    options = options_of(home.read_state())
    if options is None:
        raise DeploymentMissing(home.path)
    # Each service, and how many of it there should be.
    services = {"triton": options.tritons, "gateway": options.gateways, **({"balancer": 1} if change.balancer else {})}
    # The balancer's too, so that `modelyard up` finds all that it may need.
    needed = obtaining.images_of(options.profile, converter=False)

    def roll() -> None:
        before = home.read_env()
        after = {**before, VERSION: change.after}
        # A home of an older version does not name the balancer's.
        after[BALANCER_VERSION] = change.after if change.balancer else before.get(BALANCER_VERSION, change.before)
        try:
            home.write_env(after)
            _replace(services, change, rolling())
            told.step("asking for an answer")
            ask()
        except BaseException as error:
            _go_back(error, services, change, before, home, rolling, told)
            raise

    def record() -> None:
        home.write_state({**home.read_state(), "version": change.after, "previous": change.before})

    in_order = ", ".join(services)
    manner = "the new Triton beside the old one" if change.beside else "each Triton stopped before its successor starts"
    return [
        *_images(needed, source),
        Step(
            title=f"replacing {change.before} by {change.after}",
            words=f"one container at a time: {in_order}; {manner}; back to {change.before} when one is not well",
            run=roll,
        ),
        Step(
            title="recording the version",
            words=f"write version {change.after} and previous {change.before} into {home.state_file}",
            run=record,
        ),
    ]


def _images(needed: list[Image], source: Source) -> list[Step]:
    """A checkout builds its own version only, unless it is told to: the sources of another one are elsewhere."""
    if source.manner != "auto":
        return obtaining.steps(needed, source)
    missing = [image for image in needed if not source.is_settled(image)]
    own = source.version == modelyard.__version__ and obtaining.can_build(source.folder)
    return obtaining.steps(missing, replace(source, manner="build" if own else "pull"))


def _replace(services: Iterable[str], change: Change, rolling: Rolling) -> None:
    for service in services:
        rolling.replace(service, beside=_goes_beside(service, change))


def _goes_beside(service: str, change: Change) -> bool:
    """Two balancers cannot have one port, and two Tritons may not have the memory."""
    return service == "gateway" or (service == "triton" and change.beside)


def _go_back(
    error: BaseException,
    services: Mapping[str, int],
    change: Change,
    before: Mapping[str, str],
    home: Home,
    rolling: Callable[[], Rolling],
    told: Told,
) -> None:
    """What was replaced already is replaced again, and what is gone is started. Raises RollbackFailed when that fails.

    In place the old container went before its successor was not well, so there may be none left to replace.
    """
    why = error.message if isinstance(error, ModelyardError) else type(error).__name__
    told.note(f"going back to {change.before}: {why.partition(chr(10))[0]}")
    home.write_env({**before, BALANCER_VERSION: before.get(BALANCER_VERSION, change.before)})
    try:
        restored = rolling()
        for service, count in reversed(list(services.items())):
            restored.restore(service, count, beside=_goes_beside(service, change))
    except ModelyardError as second:
        raise RollbackFailed(change.before, why, second.message) from second
