"""A service's containers replaced and brought back, with the engine and compose as lists in memory."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from modelyard.deployment import upgrading
from modelyard.deployment.errors import DeploymentFailed, RollbackFailed
from modelyard.deployment.home import Home
from modelyard.deployment.obtaining import Source
from modelyard.deployment.rolling import Rolling
from tests.modelyard.deployment.test_upgrading import STATE, Told

OLD, NEW = "1.0", "2.0"


class Box:
    """A container: of a service, running a version, in a state that the engine would name."""

    def __init__(self, host: Host, service: str, version: str, status: str) -> None:
        number = next(host.numbers)
        self.id = self.name = f"mine_{service}_{number}"
        self.host, self.version = host, version
        labels = {"com.docker.compose.service": service, "com.docker.compose.config-hash": version}
        self.attrs: dict[str, Any] = {
            "Name": self.name,
            "Image": f"sha256:{version}",
            "Config": {"Image": f"modelyard/{service}:{version}", "Labels": labels},
            "State": {"Status": status, "Health": {"Status": "healthy"}},
            "RestartCount": 3 if version in host.unwell else 0,
        }

    @property
    def service(self) -> str:
        return str(self.attrs["Config"]["Labels"]["com.docker.compose.service"])

    @property
    def runs(self) -> bool:
        return bool(self.attrs["State"]["Status"] == "running")

    def stop(self, *, timeout: int) -> None:
        if self.host.interrupted:
            self.host.interrupted = False
            raise KeyboardInterrupt
        self.host.stopped_within_s.append(timeout)
        self.attrs["State"]["Status"] = "exited"

    def remove(self, *, force: bool = False) -> None:
        assert force or not self.runs
        self.host.boxes.remove(self)

    def exec_run(self, command: list[str]) -> tuple[int, bytes]:
        return 1, b""

    def logs(self, *, tail: int) -> bytes:
        return b"its last words"


class Host:
    """Docker's engine and compose in one; `wanted` is the version that compose would start now."""

    def __init__(self, wanted: Any, *, unwell: tuple[str, ...] = (), unstartable: tuple[str, ...] = ()) -> None:
        self.name = "mine"
        self.wanted, self.unwell, self.unstartable = wanted, unwell, unstartable
        self.interrupted = False
        self.stopped_within_s: list[int] = []
        self.numbers = itertools.count(1)
        self.boxes: list[Box] = []
        self.containers = self.images = self

    def add(self, service: str, version: str, status: str = "running") -> None:
        self.boxes.append(Box(self, service, version, status))

    def versions(self, service: str) -> list[str]:
        return [box.version for box in self.boxes if box.service == service and box.runs]

    # As the engine

    def list(self, *, all: bool = False, filters: dict[str, Any], ignore_removed: bool) -> list[Box]:
        labels = filters["label"]
        service = labels[1].partition("=")[2] if isinstance(labels, list) else None
        boxes = [box for box in self.boxes if service in (None, box.service) and (all or box.runs)]
        return [box for box in boxes if box.attrs["State"]["Status"] in filters.get("status", ["running", "exited"])]

    def get(self, name: str) -> Any:
        if name.startswith("modelyard/"):
            return type("Image", (), {"id": f"sha256:{name.rpartition(':')[2]}"})
        return next(box for box in self.boxes if box.name == name)

    # As compose

    def hashes(self) -> dict[str, str]:
        return dict.fromkeys(("triton", "gateway", "balancer"), self.wanted())

    def run(self, *arguments: str) -> str:
        service, _, count = arguments[-2].partition("=")
        assert (arguments[0], arguments[-1]) == ("up", service)
        for box in self.boxes:
            if box.service == service and not box.runs:
                box.attrs["State"]["Status"] = "running"
        while len([box for box in self.boxes if box.service == service]) < int(count):
            version = self.wanted()
            self.add(service, version, "created" if version in self.unstartable else "running")
            if version in self.unstartable:
                raise DeploymentFailed(f"{service} {version} cannot be started", "")
        return ""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    made.write_env({upgrading.VERSION: OLD, upgrading.BALANCER_VERSION: OLD})
    return made


def _host(home: Home, tritons: int = 1, **how: Any) -> Host:
    """One that runs the old version."""
    home.write_state({**STATE, "options": {"profile": "cuda", "tritons": tritons}})
    host = Host(lambda: home.read_env()[upgrading.VERSION], **how)
    for service in ("gateway", *["triton"] * tritons):
        host.add(service, OLD)
    return host


def _upgrade(home: Home, host: Any, *, beside: bool = False) -> Told:
    told = Told()
    steps = upgrading.steps(
        upgrading.Change(OLD, NEW, beside, balancer=False),
        home=home,
        project=host,
        source=Source(lambda: host, home.path, "modelyard", NEW, "pull"),
        rolling=lambda: Rolling(host, host, told),
        ask=lambda: "hello",
        told=told,
    )
    next(step for step in steps if step.title.startswith("replacing")).run()
    return told


def test_streams_have_as_long_to_end_as_the_containers_were_given(home: Home) -> None:
    host = _host(home)
    for box, grace_s in zip(host.boxes, (300, None), strict=True):  # of the gateway; a Triton that does not say
        box.attrs["Config"]["StopTimeout"] = grace_s
    _upgrade(home, host, beside=True)
    assert sorted(host.stopped_within_s) == [150, 300]


@pytest.mark.parametrize("tritons", [1, 3])
@pytest.mark.parametrize("beside", [True, False])
def test_every_container_is_replaced(home: Home, tritons: int, beside: bool) -> None:
    host = _host(home, tritons)
    _upgrade(home, host, beside=beside)
    assert (host.versions("triton"), host.versions("gateway")) == ([NEW] * tritons, [NEW])


@pytest.mark.parametrize("tritons", [1, 3])
@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("fault", ["unwell", "unstartable"])
def test_a_version_that_is_not_well_leaves_as_many_of_the_old_one(
    home: Home, tritons: int, beside: bool, fault: str
) -> None:
    host = _host(home, tritons, **{fault: (NEW,)})
    with pytest.raises(DeploymentFailed, match=NEW if fault == "unstartable" else "its last words"):
        _upgrade(home, host, beside=beside)
    assert (host.versions("triton"), host.versions("gateway")) == ([OLD] * tritons, [OLD])
    assert len(host.boxes) == tritons + 1


@pytest.mark.parametrize("beside", [True, False])
def test_who_interrupts_the_end_of_the_old_one_gets_the_old_version_back(home: Home, beside: bool) -> None:
    host = _host(home)
    host.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        _upgrade(home, host, beside=beside)
    assert host.versions("triton") == [OLD]


def test_in_place_it_is_told_when_the_old_version_does_not_come_back(home: Home) -> None:
    host = _host(home, unwell=(OLD, NEW))
    with pytest.raises(RollbackFailed, match=r"going back to 1\.0 failed"):
        _upgrade(home, host)


def test_what_was_started_too_many_goes_again(home: Home) -> None:
    host = _host(home, 2)
    host.add("triton", NEW)
    rolling: Any = Rolling(host, host, Told())  # type: ignore[arg-type]
    rolling.restore("triton", 2, beside=True)
    assert host.versions("triton") == [OLD, OLD]
