"""config.json of OpenVINO Model Server: our entries come and go, and what others wrote stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelyard.errors import BadEntryName, InvalidInput
from modelyard.ovms_config import list_entry, listed_entries, unlist_entry


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    for name in ("chat", "plain"):
        (folder / name / "1").mkdir(parents=True)
    (folder / "chat" / "1" / "graph.pbtxt").touch()
    return folder


def content(repository: Path) -> Any:
    return json.loads((repository / "config.json").read_text())


def test_a_graph_and_a_plain_network(repository: Path) -> None:
    list_entry(repository, "chat", device="CPU")
    list_entry(repository, "plain", device="GPU")
    assert content(repository) == {
        "model_config_list": [
            {"config": {"name": "chat", "base_path": "chat/1"}},
            {"config": {"name": "plain", "base_path": "plain", "target_device": "GPU"}},
        ]
    }
    assert listed_entries(repository) == ["chat", "plain"]


def test_listing_twice_changes_nothing(repository: Path) -> None:
    list_entry(repository, "chat")
    before = (repository / "config.json").stat()
    list_entry(repository, "chat")
    after = (repository / "config.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_what_others_wrote_stays(repository: Path) -> None:
    foreign = {
        "model_config_list": [
            {"config": {"name": "resnet", "base_path": "/opt/models/resnet", "nireq": 4}},
            {"config": {"name": "chat", "base_path": "/opt/models/chat"}},
        ],
        "mediapipe_config_list": [{"name": "face"}],
        "monitoring": {"metrics": {"enable": True}},
    }
    (repository / "config.json").write_text(json.dumps(foreign))
    with pytest.raises(InvalidInput, match="lists another model as 'chat'"):
        list_entry(repository, "chat")
    assert unlist_entry(repository, "chat") is False
    assert content(repository) == foreign
    list_entry(repository, "plain")
    assert unlist_entry(repository, "plain") is True
    assert content(repository) == foreign


def test_a_graph_of_another_maker_has_the_name(repository: Path) -> None:
    (repository / "config.json").write_text('{"model_config_list": [], "mediapipe_config_list": [{"name": "chat"}]}')
    with pytest.raises(InvalidInput, match="lists another model"):
        list_entry(repository, "chat")


@pytest.mark.parametrize("path", ["chat", "chat/1", "./chat/1/", "{}/chat"])
def test_our_entry_is_known_however_its_path_is_written(path: str, repository: Path) -> None:
    item = {"name": "chat", "base_path": path.format(repository), "nireq": 2}
    (repository / "config.json").write_text(json.dumps({"model_config_list": [{"config": item}]}))
    list_entry(repository, "chat")
    assert content(repository)["model_config_list"] == [{"config": {**item, "base_path": "chat/1"}}]
    assert unlist_entry(repository, "chat") is True
    assert content(repository) == {"model_config_list": []}


def test_nothing_to_take_out(repository: Path) -> None:
    assert unlist_entry(repository, "chat") is False
    assert not (repository / "config.json").exists()
    list_entry(repository, "plain")
    assert unlist_entry(repository, "chat") is False
    assert listed_entries(repository) == ["plain"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "\x00",
        '{"model_config_list": {}}',
        '{"model_config_list": [1]}',
        '{"model_config_list": [{}]}',
        '{"mediapipe_config_list": 3}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_none_is_left_alone(text: str, repository: Path) -> None:
    (repository / "config.json").write_text(text)
    for change in (list_entry, unlist_entry):
        with pytest.raises(InvalidInput, match=r"config\.json is not a configuration"):
            change(repository, "chat")
    assert (repository / "config.json").read_text() == text


def test_a_name_that_is_none(repository: Path) -> None:
    with pytest.raises(BadEntryName):
        list_entry(repository, "../chat")


def test_processes_at_once_lose_no_entry(repository: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from modelyard.ovms_config import list_entry\n"
        "for number in range(20): list_entry(Path(sys.argv[1]), f'{sys.argv[2]}-{number}')"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(repository), letter]) for letter in "abc"]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert sorted(listed_entries(repository)) == sorted(
        f"{letter}-{number}" for letter in "abc" for number in range(20)
    )
    assert {path.name for path in repository.iterdir()} == {"chat", "plain", "config.json"}
