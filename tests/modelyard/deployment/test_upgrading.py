"""What an upgrade is to do, in what order, and whether a second Triton fits beside the first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import modelyard
from modelyard.deployment import upgrading
from modelyard.deployment.compose import Project
from modelyard.deployment.errors import DeploymentFailed, DeploymentMissing, RollbackFailed
from modelyard.deployment.home import Home
from modelyard.deployment.obtaining import Source
from modelyard.deployment.steps import Step
from modelyard.errors import InvalidInput

GiB = 2**30
STATE = {"version": "1.0", "previous": "0.9", "options": {"profile": "cpu"}, "files": ["compose.yml"]}


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, sentence: str) -> None:
        self.lines.append(sentence)

    note = step


class Rolled:
    """Stands where Docker's engine would be: notes which service was to be replaced, and by which version."""

    def __init__(self, home: Home, failing: tuple[tuple[str, str], ...] = ()) -> None:
        self._home = home
        self._failing = failing
        self.replaced: list[tuple[str, str, bool]] = []
        self.wanted: dict[str, int] = {}

    def replace(self, service: str, *, beside: bool) -> None:
        version = self._home.read_env()[upgrading.VERSION]
        self.replaced.append((service, version, beside))
        if (service, version) in self._failing:
            raise DeploymentFailed(f"{service} {version} is not well", "its last words")

    def restore(self, service: str, count: int, *, beside: bool) -> None:
        self.wanted[service] = count
        self.replace(service, beside=beside)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    made.write_env({upgrading.VERSION: "1.0", upgrading.BALANCER_VERSION: "1.0"})
    made.write_state(STATE)
    return made


def _steps(home: Home, rolled: Rolled, told: Told, ask: Any = lambda: "hello", **change: Any) -> list[Step]:
    def client() -> Any:
        raise AssertionError("nothing is asked of an engine here")

    project = Project(("docker-compose",), home.path, ("compose.yml",), home.env_file)
    wanted = upgrading.Change(**{"before": "1.0", "after": "2.0", "beside": True, "balancer": False, **change})
    source = Source(client, home.path, "modelyard", wanted.after, "pull")
    rolling: Any = lambda: rolled  # noqa: E731
    return upgrading.steps(wanted, home=home, project=project, source=source, rolling=rolling, ask=ask, told=told)


def test_triton_goes_first_and_the_balancer_stays(home: Home) -> None:
    rolled = Rolled(home)
    *images, roll, record = _steps(home, rolled, Told())
    assert [step.title for step in images] == [
        f"pulling modelyard/{name}:2.0" for name in ("balancer", "gateway", "triton-openvino")
    ]
    roll.run()
    record.run()
    assert rolled.replaced == [("triton", "2.0", True), ("gateway", "2.0", True)]
    assert home.read_env() == {upgrading.VERSION: "2.0", upgrading.BALANCER_VERSION: "1.0"}
    assert (home.read_state()["version"], home.read_state()["previous"]) == ("2.0", "1.0")


def test_the_balancer_is_replaced_when_it_is_asked_for_and_never_beside_itself(home: Home) -> None:
    rolled = Rolled(home)
    _steps(home, rolled, Told(), balancer=True, beside=False)[-2].run()
    assert rolled.replaced == [("triton", "2.0", False), ("gateway", "2.0", True), ("balancer", "2.0", False)]
    assert home.read_env()[upgrading.BALANCER_VERSION] == "2.0"


def test_one_that_is_not_well_takes_everything_back(home: Home) -> None:
    rolled, told = Rolled(home, failing=(("gateway", "2.0"),)), Told()
    with pytest.raises(DeploymentFailed, match="its last words"):
        _steps(home, rolled, told)[-2].run()
    assert rolled.replaced[2:] == [("gateway", "1.0", True), ("triton", "1.0", True)]
    assert home.read_env()[upgrading.VERSION] == "1.0"
    assert home.read_state() == STATE
    assert "going back to 1.0: gateway 2.0 is not well" in told.lines


def test_as_many_are_there_afterwards_as_were_deployed(home: Home) -> None:
    home.write_state({**STATE, "options": {"profile": "cuda", "tritons": 3, "gateways": 2}})
    rolled = Rolled(home, failing=(("triton", "2.0"),))
    with pytest.raises(DeploymentFailed):
        _steps(home, rolled, Told(), beside=False, balancer=True)[-2].run()
    assert rolled.wanted == {"balancer": 1, "gateway": 2, "triton": 3}


def test_a_service_that_does_not_answer_in_the_end_goes_back_too(home: Home) -> None:
    def ask() -> str:
        raise DeploymentFailed("the deployment does not answer", "")

    rolled = Rolled(home)
    with pytest.raises(DeploymentFailed):
        _steps(home, rolled, Told(), ask)[-2].run()
    assert [version for _, version, _ in rolled.replaced] == ["2.0", "2.0", "1.0", "1.0"]


def test_who_stops_it_gets_the_version_back_that_ran(home: Home) -> None:
    def ask() -> str:
        raise KeyboardInterrupt

    rolled = Rolled(home)
    with pytest.raises(KeyboardInterrupt):
        _steps(home, rolled, Told(), ask)[-2].run()
    assert home.read_env()[upgrading.VERSION] == "1.0"


def test_when_going_back_fails_too_both_reasons_are_told(home: Home) -> None:
    rolled = Rolled(home, failing=(("gateway", "2.0"), ("triton", "1.0")))
    with pytest.raises(RollbackFailed) as failed:
        _steps(home, rolled, Told())[-2].run()
    assert "gateway 2.0 is not well" in failed.value.message
    assert "triton 1.0 is not well" in failed.value.message


def _change(version: str | None, state: dict[str, Any], home: Home) -> upgrading.Change:
    return upgrading.change_to(version, state, beside=True, balancer=False, home=home)


def test_without_a_version_it_is_the_one_before(home: Home) -> None:
    assert _change(None, STATE, home).after == "0.9"
    assert _change("1.1", STATE, home).after == "1.1"


def test_what_cannot_be_changed_is_refused(home: Home) -> None:
    with pytest.raises(DeploymentMissing):
        _change("1.1", {}, home)
    with pytest.raises(InvalidInput, match="no previous version"):
        _change(None, {"version": "1.0"}, home)
    with pytest.raises(InvalidInput, match="is what runs"):
        _change("1.0", STATE, home)


@pytest.mark.parametrize(
    ("profile", "free", "used", "fits"),
    [
        ("cpu", 8 * GiB, 4 * GiB, True),
        ("cpu", 4 * GiB, 4 * GiB, False),
        ("intel-gpu", 8 * GiB, 4 * GiB, True),
        ("cuda", 800 * GiB, 4 * GiB, False),
    ],
)
def test_a_second_triton_needs_room(profile: Any, free: int, used: int, fits: bool) -> None:
    assert upgrading.fits_beside(profile, free, used) is fits


def test_sources_of_another_version_are_not_built_by_themselves(tmp_path: Path) -> None:
    class Engine:
        """Has no image."""

        class images:
            @staticmethod
            def get(_: str) -> None:
                from docker.errors import ImageNotFound

                raise ImageNotFound("no")

    (tmp_path / "deploy/docker/gateway").mkdir(parents=True)
    (tmp_path / "deploy/docker/gateway/Dockerfile").touch()
    (tmp_path / "pyproject.toml").touch()
    needed = [upgrading.obtaining.IMAGES["gateway"]]
    engine: Any = lambda: Engine  # noqa: E731
    own = Source(engine, tmp_path / "deploy", "modelyard", modelyard.__version__)
    other = Source(engine, tmp_path / "deploy", "modelyard", "9.9.9")
    assert upgrading._images(needed, own)[0].title.startswith("building")
    assert upgrading._images(needed, other)[0].title.startswith("pulling")
