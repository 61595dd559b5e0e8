"""Which models a first run converts, by what, and what it says where nothing can convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ansible import tools

FACTS = {"os_family": "Debian", "architecture": "x86_64", "python": {"version": {"major": 3, "minor": 11}}}
HUB = {"name": "hub", "source": "somebody/model"}
NOTHING = {"stat": {"exists": False}}
HERE = {"stat": {"exists": True}}


def test_what_a_host_lacks_and_nobody_has_converted_is_to_be_converted(tmp_path: Path) -> None:
    """What is there stays as it is, also when its archive is not on this control node."""
    (tmp_path / "full/models/hub").mkdir(parents=True)
    (tmp_path / "full/models/hub/manifest.json").write_text("{}")
    for archive in ("archives/converted.tar", "own.tar", "bundle/models/bundled.tar"):
        (tmp_path / archive).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / archive).write_text("")
    models = [
        HUB,
        {"name": "converted", "source": "somebody/model"},
        {"name": "own", "source": "somebody/model", "archive": f"{tmp_path}/own.tar"},
        {"name": "bundled", "source": "somebody/model"},
        {"name": "exported", "archive": f"{tmp_path}/exported.tar"},
        {"name": "gone", "source": "somebody/model", "state": "absent"},
    ]
    found = tools.said(
        tmp_path,
        "{{ model_server_unconverted }}",
        tools.role("model_server", "unconverted"),
        hosts={name: {"modelyard_data_dir": f"{tmp_path}/{name}"} for name in ("full", "new")},
        modelyard_models=models,
        modelyard_archive_dir=f"{tmp_path}/archives",
        modelyard_bundle=f"{tmp_path}/bundle",
    )
    assert found == {"full": [], "new": [HUB]}


def test_the_first_run_converts_before_it_starts_what_serves_the_models() -> None:
    plays = tools.load(tools.COLLECTION / "playbooks/site.yml")
    order = [
        (play["name"], task.get("ansible.builtin.include_role")) for play in plays for task in play.get("tasks", [])
    ]
    included = [(name, about.get("tasks_from")) for name, about in order if about]
    assert included.index((plays[0]["name"], "unconverted")) < [about for _, about in included].index("convert")
    names = [play["name"] for play in plays]
    (converts,) = [name for name, about in included if about == "convert"]
    assert names.index("Prepare every host") < names.index(converts) < names.index("Start model servers that are new")


COMMAND = {"command": "{{ _model_server_convert }}"}
VARIABLES = {"ansible.builtin.import_role": {"name": "model_server", "tasks_from": "devices"}, "when": False}


def test_an_environment_that_converts_is_used_in_native_mode_only(tmp_path: Path) -> None:
    modes = {"image": ("docker", HERE), "environment": ("native", HERE), "neither": ("native", NOTHING)}
    found = tools.said(
        tmp_path,
        COMMAND,
        VARIABLES,
        hosts={name: {"modelyard_deploy_mode": mode, "looked": looked} for name, (mode, looked) in modes.items()},
        modelyard_version="1.2.0",
        _model_server_model={**HUB, "precision": "int4"},
        _model_server_source=NOTHING,
        _model_server_convert_environment="{{ looked }}",
    )
    asks = ["convert", "somebody/model", "--name", "hub", "--update", "--precision", "int4"]
    for about in found.values():
        assert about["command"][-len(asks) :] == asks
    image = found["image"]["command"]
    assert image[: -len(asks)][-1] == "modelyard/converter:1.2.0"
    assert found["neither"]["command"] == image
    program = found["environment"]["command"][: -len(asks)]
    assert program[:2] == ["runuser", "--user=modelyard"]
    assert program[-1] == "/opt/modelyard/1.2.0/gateway/bin/modelyard"
    assert "MODELYARD_CONVERT_PYTHON=/opt/modelyard/convert/bin/python" in program
    repository = "MODELYARD_MODEL_REPOSITORY=/var/lib/modelyard/converting/models"
    assert repository in program
    assert f"--env={repository}" in image


# What nvidia-smi --query-gpu=memory.total,compute_cap --format=csv,noheader,nounits prints: mebibytes, and a version.
TWO_CARDS = {"stdout_lines": ["81559, 9.0", "81079, 9.0"]}
CUDA: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "as its host is": ({}, TWO_CARDS, ["--gpus", "2x85GB:9.0"]),
    "at a precision, which vLLM has no use for": ({"precision": "int4"}, TWO_CARDS, ["--gpus", "2x85GB:9.0"]),
    "for vLLM by name": ({"target": "triton-vllm"}, TWO_CARDS, ["--target", "triton-vllm", "--gpus", "2x85GB:9.0"]),
    "for other GPUs": ({"gpus": "24GB:8.9"}, {"skipped": True}, ["--gpus", "24GB:8.9"]),
    "for another engine": ({"target": "triton-diffusers"}, {"skipped": True}, ["--target", "triton-diffusers"]),
}


@pytest.mark.parametrize("name", CUDA)
def test_the_converter_of_a_cuda_host_is_told_its_gpus(name: str, tmp_path: Path) -> None:
    wishes, answered, more = CUDA[name]
    found = tools.said(
        tmp_path,
        {**COMMAND, "asked": "{{ _model_server_asks_for_gpus }}"},
        VARIABLES,
        hosts={"gpu": {}},
        groups=["cuda"],
        modelyard_version="1.2.0",
        _model_server_model={**HUB, **wishes},
        _model_server_source=NOTHING,
        _model_server_convert_environment=NOTHING,
        _model_server_nvidia_smi=answered,
    )
    asks = ["convert", "somebody/model", "--name", "hub", "--update", *more]
    assert found["gpu"]["command"][-len(asks) :] == asks
    assert str(found["gpu"]["asked"]) == str("stdout_lines" in answered)


def test_an_archive_is_made_again_for_other_gpus(tmp_path: Path) -> None:
    told = []
    for gpus in ({}, {"gpus": "24GB"}, {"gpus": "48GB"}):
        found = tools.said(
            tmp_path,
            "{{ _model_server_wish }}",
            VARIABLES,
            hosts={"gpu": {}},
            modelyard_version="1.2.0",
            _model_server_model={**HUB, **gpus},
        )
        told.append(found["gpu"].get("gpus"))
    assert told == [None, "24GB", "48GB"]


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    """A host with neither Docker nor an environment, and a source that is a folder of this machine."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source/config.json").write_text("{}")
    return {
        "modelyard_version": "1.2.0",
        "modelyard_models": [{"name": "folder", "source": f"{tmp_path}/source"}],
        "modelyard_data_dir": f"{tmp_path}/data",
        "modelyard_archive_dir": f"{tmp_path}/archives",
        "model_server_convert_python": f"{tmp_path}/convert/bin/python",
        "_model_server_docker": NOTHING,
        "_release_docker": NOTHING,
    }


def test_check_mode_goes_through_on_a_host_that_has_nothing_yet(given: dict[str, Any], tmp_path: Path) -> None:
    done = tools.play(tmp_path, [tools.role("model_server", "convert")], {"new": {"facts": FACTS}}, "--check", **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "modelyard/converter:1.2.0 would be brought" in done.stdout
    assert not (tmp_path / "data").exists()


def test_a_native_host_with_nothing_to_convert_with_says_what_can_be_done(
    given: dict[str, Any], tmp_path: Path
) -> None:
    given |= {"modelyard_deploy_mode": "native"}
    done = tools.play(tmp_path, [tools.role("model_server", "convert")], {"new": {"facts": FACTS}}, **given)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert f"neither {tmp_path}/convert/bin/python nor a Docker engine" in said
    assert "-e modelyard_converter_host=" in said
    assert "give the file as the model's archive" in said
    assert "modelyard_deploy_mode to native" not in said
    assert not (tmp_path / "data").exists()


def test_a_cuda_host_whose_driver_is_not_there_says_so_before_it_converts(
    given: dict[str, Any], tmp_path: Path
) -> None:
    # The role that brings the converter wants a host of its own, so what follows it is asked alone.
    tasks = tools.load(tools.COLLECTION / "roles/model_server/tasks/make_archive.yml")
    asking = [task for task in tasks if "GPU" in task["name"]]
    assert [task["name"] for task in asking] == [
        "Ask for the GPUs of a CUDA host",
        "Refuse to guess what GPUs there are",
    ]
    given["_model_server_model"] = given["modelyard_models"][0]
    done = tools.play(tmp_path, [VARIABLES, *asking], {"gpu": {"facts": FACTS}}, groups=["cuda"], **given)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "folder is to be converted for CUDA, and nvidia-smi on gpu names no GPU" in said
    assert "give the model its gpus" in said
    done = tools.play(tmp_path, [VARIABLES, *asking], {"cpu": {"facts": FACTS}}, **given)
    assert done.returncode == 0, done.stdout + done.stderr
