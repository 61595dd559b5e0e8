"""What intel_host writes and installs is what Intel documents; documented/intel.yml names the page of each line.

Nothing here ran on a machine with a GPU or an NPU of Intel.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.ansible import tools
from tests.ansible.conftest import Rendered

TASKS = tools.COLLECTION / "roles/intel_host/tasks"


def test_the_repository_is_intels(rendered: Rendered, intel: Any) -> None:
    """The one difference: the key stays armoured (.asc), so that the host needs no gpg."""
    jammy = intel["gpu"]["jammy"]
    lines = rendered["ubuntu-22"]["intel_list"].splitlines()
    assert lines[-1] == jammy["line"].replace(".gpg]", ".asc]")
    assert rendered["ubuntu-22"]["intel_key"] == intel["gpu"]["key"]
    assert rendered["rhel-9"]["intel_repo"] == intel["gpu"]["rhel"]["repo"]


def test_without_a_stream_the_rolling_one_is_taken(rendered: Rendered) -> None:
    assert rendered["ubuntu-24"]["intel_list"].splitlines()[-1].endswith("/gpu/ubuntu noble unified")


@pytest.mark.parametrize(("host", "release"), [("ubuntu-22", "jammy"), ("rhel-9", "rhel")])
def test_the_packages_are_among_those_that_intel_names(host: str, release: str, rendered: Rendered, intel: Any) -> None:
    assert set(intel["gpu"][release]["packages"]) <= set(rendered[host]["intel_gpu"])
    assert rendered[host]["intel_media"] == intel["gpu"][release]["media"]


def test_debian_takes_its_own_packages(rendered: Rendered) -> None:
    assert rendered["debian"]["intel_source"] == "distribution"
    assert "intel-opencl-icd" in rendered["debian"]["intel_gpu"]


def test_a_bundle_is_never_left_for_intels_repository(rendered: Rendered) -> None:
    assert rendered["debian-bundle"]["intel_source"] == "distribution"


def test_the_npu_belongs_to_the_group_that_intel_names(rendered: Rendered, intel: Any) -> None:
    rule = rendered["debian"]["intel_rule"].splitlines()[-1]
    assert f'GROUP="{intel["npu"]["owner"]}"' in rule
    assert 'MODE="0660"' in rule
    module = next(task for task in tools.load(TASKS / "npu.yml") if "ansible.builtin.copy" in task)
    assert module["ansible.builtin.copy"]["content"].strip() == intel["npu"]["module"]
    spec = tools.load(tools.COLLECTION / "roles/intel_host/meta/argument_specs.yml")
    described = spec["argument_specs"]["main"]["options"]["intel_host_npu_packages"]["description"]
    assert [name for name in intel["npu"]["packages"] if name not in described] == []
