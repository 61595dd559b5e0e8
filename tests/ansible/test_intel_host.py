"""What intel_host writes and installs is what Intel documents; documented/intel.yml names the page of each line.

Nothing here ran on a machine with a GPU or an NPU of Intel.
"""

from __future__ import annotations

import re
from pathlib import Path
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


def test_the_unit_sets_what_is_set_and_nothing_else(rendered: Rendered) -> None:
    lines = [line for line in rendered["debian-bundle"]["intel_tuning"].splitlines() if line.startswith("ExecStart=")]
    assert len(lines) == 1
    assert "echo performance > " in lines[0]
    assert "transparent_hugepage" not in lines[0]


def test_every_model_server_is_tuned_and_needs_no_device_for_it() -> None:
    plays = tools.load(tools.COLLECTION / "playbooks/site.yml")
    includes = [
        (play["hosts"], task["ansible.builtin.include_role"])
        for play in plays
        for task in play.get("tasks", [])
        if "ansible.builtin.include_role" in task
    ]
    assert ("model_servers:!retired", {"name": "intel_host", "tasks_from": "tuning"}) in includes
    assert "preflight" not in (TASKS / "tuning.yml").read_text()
    spec = tools.load(tools.COLLECTION / "roles/intel_host/meta/argument_specs.yml")["argument_specs"]
    assert {name: spec["main"]["options"][name] for name in spec["tuning"]["options"]} == spec["tuning"]["options"]


def test_what_is_no_longer_set_is_taken_back(tmp_path: Path) -> None:
    """In check mode, on a host that an earlier run has tuned and that has no device of Intel."""
    unit = tmp_path / "modelyard-tuning.service"
    pages = tmp_path / "huge-pages.conf"
    unit.touch()
    pages.touch()
    given: dict[str, Any] = {"_intel_host_tuning_unit": str(unit), "_intel_host_huge_pages_file": str(pages)}
    metal = {"virtualization_role": "host", "virtualization_type": "kvm"}
    hosts: dict[str, Any] = {
        "tuned": {"facts": metal},
        "set": {"facts": metal, "intel_host_cpu_governor": "performance"},
    }
    done = tools.play(tmp_path, [tools.role("intel_host", "tuning")], hosts, "--check", "--diff", **given)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = re.split(r"\n(?:TASK|RUNNING HANDLER|PLAY RECAP) ", done.stdout)
    tasks = {part.partition("]")[0].rpartition(": ")[2]: part for part in parts}
    assert "changed: [tuned]" in tasks["Remove its file"]
    assert "[set]" not in tasks["Remove its file"]
    assert "changed: [set]" in tasks["Write the unit that sets them at each boot"]
    assert "changed: [tuned]" in tasks["Leave huge pages to the kernel"]
    assert unit.exists()
