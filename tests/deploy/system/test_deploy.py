"""`modelyard up` on a real engine, from an empty folder: a first answer, faults that heal, upgrades that go back.

The tests are one story on one deployment, in the order in which they stand here.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import modelyard
from modelyard.deployment.images import IMAGES
from tests.deploy.building import built
from tests.deploy.engine import Engine
from tests.deploy.system.deployment import Deployment, deployment, traffic

NEXT = "0.0.0-next"
BROKEN = "0.0.0-broken"
BROKEN_TRITON = "0.0.0-broken-triton"
# One that starts and never becomes ready.
_BROKEN = """\
FROM {image}
LABEL org.opencontainers.image.version={version}
HEALTHCHECK --interval=1s --retries=1 CMD ["false"]
ENTRYPOINT ["python3", "-c", "raise SystemExit('this version is broken')"]
"""
_RELABELLED = """\
FROM {image}
LABEL org.opencontainers.image.version={version}
"""


@pytest.fixture(scope="module")
def up(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    for key in ("gateway", "triton-openvino", "balancer", "converter"):
        built(key)
    with deployment(tmp_path_factory.mktemp("deploy")) as made:
        yield made


def _version(version: str, broken: str = "") -> None:
    """A further version: today's images under another tag, but for the one that is broken."""
    for key in ("triton-openvino", "balancer", "gateway"):
        image = IMAGES[key]
        text = (_BROKEN if key == broken else _RELABELLED).format(image=image.tag(), version=version)
        subprocess.run(
            ["docker", "build", "--tag", image.tag(version), "-"],
            input=text,
            text=True,
            check=True,
            capture_output=True,
        )


def _until(true: Callable[[], bool], what: str, limit_s: float = 180.0) -> None:
    until = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.5)


def _answers(up: Deployment) -> bool:
    try:
        return bool(up.chat())
    except (httpx.HTTPError, AssertionError):
        return False


def _key_of(up: Deployment) -> str:
    return (up.home / "secrets/api_key").read_text().strip()


def test_a_dry_run_tells_every_step_and_does_none(up: Deployment) -> None:
    said = up.up(DEPLOY_DRY_RUN="1")
    for step in ("making a secret", "converting demo", "writing the variables", "starting the containers"):
        assert f"would do: {step}" in said
    assert not up.home.exists()
    assert up.containers() == []


def test_from_an_empty_folder_to_an_answer(up: Deployment) -> None:
    said = up.up()
    assert "demo said" in said
    assert "curl " in said
    assert _key_of(up) not in said
    assert up.chat()


def test_nobody_is_answered_without_the_key(up: Deployment) -> None:
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
    for headers in ({}, {"Authorization": "Bearer guessed"}):
        answer = httpx.post(f"{up.url}/v1/chat/completions", json=body, headers=headers, trust_env=False)
        assert answer.status_code == 401


def test_the_key_is_in_no_log_and_in_no_environment(up: Deployment) -> None:
    for container in up.containers():
        assert _key_of(up) not in str(container)
        log = subprocess.run(["docker", "logs", container["Id"]], capture_output=True, text=True, check=True)
        assert _key_of(up) not in log.stdout + log.stderr


def test_every_container_is_hardened(up: Deployment) -> None:
    for container in up.containers():
        assert container["HostConfig"]["ReadonlyRootfs"], container["Name"]
        assert container["HostConfig"]["CapDrop"] == ["ALL"]
        assert container["Config"]["User"].split(":")[0] not in ("", "0", "root")
        assert container["HostConfig"]["Memory"] > 0
        assert container["HostConfig"]["LogConfig"]["Config"]["max-size"]


def test_a_second_run_changes_nothing(up: Deployment) -> None:
    before = [(container["Id"], container["State"]["StartedAt"]) for container in up.containers()]
    assert "nothing was changed" in up.up()
    assert [(container["Id"], container["State"]["StartedAt"]) for container in up.containers()] == before


@pytest.mark.parametrize("service", ["triton", "gateway"])
def test_what_is_killed_comes_back(up: Deployment, service: str) -> None:
    (container,) = up.containers(service)
    # From outside, as the kernel does when memory runs out: a process 1 cannot be killed from within.
    subprocess.run(["kill", "-9", str(container["State"]["Pid"])], check=True)
    _until(lambda: _answers(up), f"no answer after the {service} was killed")
    (again,) = up.containers(service)
    assert again["Id"] == container["Id"]
    assert again["RestartCount"] == container["RestartCount"] + 1


def test_an_upgrade_loses_no_stream(up: Deployment) -> None:
    _version(NEXT)
    with traffic(up) as seen:
        _until(lambda: seen.answers > 8, "no traffic")
        said = up.yard("upgrade", "--to", NEXT)
        before = seen.answers
        _until(lambda: seen.answers > before + 8, "no traffic after the upgrade")
    assert seen.faults == []
    assert len(seen.texts) == 1
    assert NEXT in said
    assert up.versions() == {"triton": [NEXT], "gateway": [NEXT], "balancer": [modelyard.__version__]}
    assert (up.state["version"], up.state["previous"]) == (NEXT, modelyard.__version__)


def test_after_it_a_second_run_changes_nothing_either(up: Deployment) -> None:
    assert "nothing was changed" in up.up()
    assert up.versions()["gateway"] == [NEXT]


def test_a_version_that_is_not_well_goes_back_by_itself(up: Deployment) -> None:
    _version(BROKEN, broken="gateway")
    with traffic(up) as seen:
        _until(lambda: seen.answers > 8, "no traffic")
        said = up.yard("upgrade", "--to", BROKEN, ok=False)
    assert seen.faults == []
    assert "not well" in said
    assert "this version is broken" in said
    assert up.versions() == {"triton": [NEXT], "gateway": [NEXT], "balancer": [modelyard.__version__]}
    assert up.state["version"] == NEXT
    assert up.chat()


@pytest.mark.parametrize("command", [("upgrade", "--to", BROKEN), ("rollback",)])
def test_a_dry_run_of_another_version_replaces_nothing(up: Deployment, command: tuple[str, ...]) -> None:
    before = [container["Id"] for container in up.containers()]
    assert f"would do: replacing {NEXT} by" in up.yard(*command, DEPLOY_DRY_RUN="1")
    assert [container["Id"] for container in up.containers()] == before
    assert up.state["version"] == NEXT


def test_in_place_it_goes_back_too_when_no_triton_is_left(up: Deployment) -> None:
    _version(BROKEN_TRITON, broken="triton-openvino")
    said = up.yard("upgrade", "--to", BROKEN_TRITON, "--in-place", ok=False)
    assert "this version is broken" in said
    assert up.versions() == {"triton": [NEXT], "gateway": [NEXT], "balancer": [modelyard.__version__]}
    assert up.state["version"] == NEXT
    _until(lambda: _answers(up), "no answer after the old version came back in place")


def test_a_rollback_goes_to_the_version_before(up: Deployment) -> None:
    with traffic(up) as seen:
        _until(lambda: seen.answers > 8, "no traffic")
        up.yard("rollback", "--in-place")
        _until(lambda: _answers(up), "no answer after the rollback")
    assert set(up.versions()["gateway"] + up.versions()["triton"]) == {modelyard.__version__}
    assert up.state["previous"] == NEXT
    # In place there is a moment without Triton: refused, and never cut off.
    assert [fault for fault in seen.faults if not fault.startswith("Broken: status 503")] == []


def test_the_engine_is_restarted_and_all_comes_back(up: Deployment, engine: Engine) -> None:
    if not engine.own:
        pytest.skip("DOCKER_HOST names an engine that is not the tests' own to restart")
    engine.restart()
    _until(lambda: _answers(up), "no answer after Docker's engine was restarted")
    assert len(up.containers()) == 3


def test_logs_and_down(up: Deployment) -> None:
    assert "successfully loaded 'demo'" in up.yard("logs", "triton")
    assert "would do: stopping the containers" in up.yard("down", "--volumes", DEPLOY_DRY_RUN="1")
    assert len(up.containers()) == 3
    up.yard("down")
    assert up.containers() == []
    assert "demo said" in up.up()
    up.yard("down", "--volumes")
    assert (Path(up.home) / "secrets/api_key").is_file()
