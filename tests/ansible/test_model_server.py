"""The role model_server on hosts with devices: the image of what was found, and a container that can open it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ansible import tools

RENDERED = {
    "image": "{{ _model_server_image }}:{{ _model_server_image_tag }}",
    "devices": "{{ _model_server_devices }}",
    "groups": "{{ _model_server_device_groups }}",
}
# A static import brings the variables of the role with the precedence they have in it; nothing of it runs.
VARIABLES = {"ansible.builtin.import_role": {"name": "model_server", "tasks_from": "devices"}, "when": False}
NONE = {"nvidia": False, "intel_gpu": False, "intel_card": False, "intel_npu": False}


def host(*files: str, group: list[str] | None = None, **devices: bool) -> dict[str, Any]:
    """One with these devices on its bus and these folders of device files."""
    looked = [{"item": path, "stat": {"exists": path in files}} for path in ("/dev/dri", "/dev/accel")]
    return {"found": NONE | devices, "looked": {"results": looked}, "facts": {"getent_group": {"render": group}}}


HOSTS = {
    "cuda": host("/dev/dri", nvidia=True, intel_gpu=True),
    "card": host("/dev/dri", group=["x", "105", ""], intel_gpu=True, intel_card=True),
    "within": host("/dev/dri", group=["x", "105", ""], intel_gpu=True),
    "npu": host("/dev/accel", group=["x", "992", "modelyard"], intel_npu=True),
    "both": host("/dev/dri", "/dev/accel", group=["x", "105", ""], intel_gpu=True, intel_card=True, intel_npu=True),
    "none": host(),
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By host, what its container is made of once the devices were looked for."""
    return tools.said(
        tmp_path_factory.mktemp("model_server"),
        RENDERED,
        VARIABLES,
        tools.role("base", "detect"),
        hosts=HOSTS,
        groups=["model_servers"],
        modelyard_version="1.2.0",
        base_devices="{{ found }}",
        _model_server_device_files="{{ looked }}",
    )


def test_the_image_is_that_of_the_device_that_was_found(rendered: dict[str, Any]) -> None:
    assert {name: about["image"] for name, about in rendered.items()} == {
        "cuda": "triton-cuda:1.2.0",
        "card": "triton-openvino:1.2.0-intel",
        "within": "triton-openvino:1.2.0",
        "npu": "triton-openvino:1.2.0",
        "both": "triton-openvino:1.2.0-intel",
        "none": "triton-openvino:1.2.0",
    }


def test_a_container_gets_the_devices_that_are_there_and_their_group(rendered: dict[str, Any]) -> None:
    assert {name: (about["devices"], about["groups"]) for name, about in rendered.items() if name != "cuda"} == {
        "card": (["/dev/dri:/dev/dri"], ["105"]),
        "within": (["/dev/dri:/dev/dri"], ["105"]),
        "npu": (["/dev/accel:/dev/accel"], ["992"]),
        "both": (["/dev/dri:/dev/dri", "/dev/accel:/dev/accel"], ["105"]),
        "none": ([], []),
    }


def test_what_the_role_looks_up_has_the_form_that_is_read(tmp_path: Path) -> None:
    """The task file as it is, on this machine."""
    look = tools.role("model_server", "devices")
    here = {"this": {"facts": {"os_family": "Debian"}}}
    found = tools.said(tmp_path, RENDERED, VARIABLES, look, hosts=here, modelyard_version="1.2.0")["this"]
    assert found["devices"] == [f"{path}:{path}" for path in ("/dev/dri", "/dev/accel") if Path(path).exists()]
    lines = [line.split(":") for line in Path("/etc/group").read_text().splitlines()]
    assert found["groups"] == [line[2] for line in lines if line[0] == "render"]


def included(tasks: list[dict[str, Any]]) -> list[str]:
    """Roles, each with its task file, in the order in which the tasks of a play include them."""
    found = []
    for task in tasks:
        if "ansible.builtin.include_role" in task:
            about = task["ansible.builtin.include_role"]
            found.append(f"{about['name']}/{about.get('tasks_from', 'main')}")
        found += included(task.get("block", [])) + included(task.get("rescue", []))
    return found


def roles_of(play: dict[str, Any]) -> list[str]:
    return [f"{entry['role']}/main" for entry in play.get("roles", [])] + included(play.get("tasks", []))


@pytest.mark.parametrize("playbook", ["site.yml", "upgrade.yml", "rollback.yml", "models.yml"])
def test_every_playbook_that_runs_triton_looks_for_devices_first(playbook: str) -> None:
    """A group that was found lasts as long as the run that found it."""
    plays = tools.load(tools.COLLECTION / "playbooks" / playbook)
    order = [name for play in plays for name in roles_of(play)]
    running = [name for name in order if name.startswith("model_server/")]
    assert running
    assert order.index("base/detect") < order.index(running[0])
