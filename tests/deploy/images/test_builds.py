"""The builds themselves: both builders, no network, what is refused."""

from __future__ import annotations

import pytest

from modelyard.deployment.images import IMAGES, build_command
from tests.deploy.building import BuildFailed, built, run
from tests.deploy.engine import Engine
from tests.deploy.images.containers import inspect


def test_buildkit_takes_the_same_file(engine: Engine) -> None:
    """The balancer's is the quickest; the others use no other instruction."""
    tag = built("balancer", prefix="modelyard-test-buildkit", buildkit=True)
    assert inspect(tag)["Config"]["User"] == inspect(built("balancer"))["Config"]["User"]


def test_offline_asks_no_index(engine: Engine) -> None:
    """With no wheel in the folder, the build ends at the first package instead of reaching for a network."""
    command = build_command(IMAGES["gateway"], prefix="modelyard-test-offline", arguments={"OFFLINE": "1"})
    with pytest.raises(BuildFailed, match=r"No matching distribution found for boolean-py==5\.0"):
        run([*command[:-1], "--network=none", "."])


def test_a_driver_without_a_checksum_is_refused(engine: Engine) -> None:
    command = build_command(
        IMAGES["triton-openvino-intel"],
        prefix="modelyard-test-driver",
        arguments={"DRIVER_URLS": "https://example.org/intel-level-zero-npu.deb"},
    )
    with pytest.raises(BuildFailed, match="has no checksum"):
        run(command)
