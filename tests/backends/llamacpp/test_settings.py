"""A wrong parameter of config.pbtxt, a file too many or too few, is named in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backends.common.settings import BadSetting, Parameters
from backends.llamacpp.settings import BackendSettings, read_settings, usable_cores


def read(folder: Path, **given: str) -> BackendSettings:
    return read_settings(Parameters(given), folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.gguf").touch()
    return tmp_path


def test_defaults(folder: Path) -> None:
    assert read(folder) == BackendSettings(model=str(folder / "model.gguf"), n_threads=usable_cores())
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))


def test_everything_given(folder: Path) -> None:
    (folder / "adapters").mkdir()
    (folder / "adapters" / "polite.gguf").touch()
    settings = read(
        folder,
        CONTEXT_LENGTH="64",
        N_PARALLEL="2",
        MAX_QUEUE_SIZE="0",
        N_THREADS="3",
        N_BATCH="128",
        N_UBATCH="512",
        N_GPU_LAYERS="12",
        CACHE_TYPE_K="Q8_0",
        CACHE_TYPE_V="bf16",
        FLASH_ATTENTION="On",
        MMAP="no",
        CHAT_TEMPLATE="not ours",
    )
    assert settings == BackendSettings(
        model=str(folder / "model.gguf"),
        adapters=(("polite", str(folder / "adapters" / "polite.gguf")),),
        context_length=64,
        n_parallel=2,
        max_queue_size=0,
        n_threads=3,
        n_batch=128,
        n_ubatch=128,
        n_gpu_layers=12,
        cache_type_k="q8_0",
        cache_type_v="bf16",
        flash_attention="on",
        mmap=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONTEXT_LENGTH", "1"),
        ("N_PARALLEL", "0"),
        ("N_THREADS", "many"),
        ("N_BATCH", "-1"),
        ("N_GPU_LAYERS", "some"),
        ("CACHE_TYPE_K", "q3_k"),
        ("FLASH_ATTENTION", "yes"),
        ("MMAP", "perhaps"),
    ],
)
def test_a_wrong_value_is_named(folder: Path, name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"the parameter {name} of config.pbtxt is '{value}'"):
        read(folder, **{name: value})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "there is no GGUF file"),
        (["a.gguf", "b.gguf"], "there are several models"),
        (["a-00001-of-00002.gguf"], "a part of the model is missing in .*: a-00002-of-00002.gguf"),
        (["a-00001-of-00001.gguf", "b.gguf"], "there are several models"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, files: list[str], said: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(BadSetting, match=said):
        read(tmp_path)


def test_the_first_part_is_the_model(tmp_path: Path) -> None:
    for part in (1, 2):
        (tmp_path / f"a-0000{part}-of-00002.gguf").touch()
    assert read(tmp_path).model == str(tmp_path / "a-00001-of-00002.gguf")
