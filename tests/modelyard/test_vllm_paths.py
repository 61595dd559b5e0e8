"""An entry for the vLLM backend that gets another name is served from its own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.entry import Entry
from modelyard.vllm_paths import rename_paths


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    (tmp_path / "copy" / "1").mkdir(parents=True)
    return Entry(tmp_path / "copy")


def write(entry: Entry, file: str, content: Any) -> Path:
    path = entry.version_folder / file
    path.write_text(json.dumps(content))
    return path


def test_paths_lead_into_the_new_name(entry: Entry) -> None:
    model = write(entry, "model.json", {"model": "chat/1/checkpoint", "max_model_len": 512})
    adapters = write(entry, "multi_lora.json", {"chat/1/": "chat/1/adapters/polite"})
    assert rename_paths(entry, "chat", "copy") == [model, adapters]
    assert json.loads(model.read_text()) == {"model": "copy/1/checkpoint", "max_model_len": 512}
    assert json.loads(adapters.read_text()) == {"chat/1/": "copy/1/adapters/polite"}
    assert sorted(path.name for path in entry.version_folder.iterdir()) == ["model.json", "multi_lora.json"]


@pytest.mark.parametrize("model", ["Qwen/Qwen2.5-0.5B", "/weights/chat/1/checkpoint", "chat/10/checkpoint", "chat"])
def test_paths_that_lead_elsewhere_stay(model: str, entry: Entry) -> None:
    path = write(entry, "model.json", {"model": model})
    before = path.read_bytes()
    assert rename_paths(entry, "chat", "copy") == []
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [[], "chat/1/x", None])
def test_a_file_that_is_no_list_of_arguments(content: Any, entry: Entry) -> None:
    write(entry, "model.json", content)
    assert rename_paths(entry, "chat", "copy") == []


def test_an_entry_of_another_backend(entry: Entry) -> None:
    assert rename_paths(entry, "chat", "copy") == []
