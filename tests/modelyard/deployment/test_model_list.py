"""`models.toml`, and what the converter is told of each model."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from modelyard.deployment.compose import deploy_folder
from modelyard.deployment.model_list import ModelWish, pinned, read_models, require_servable
from modelyard.deployment.profile import Profile
from modelyard.errors import BadEntryName, FieldRefused, InvalidInput
from modelyard.gpus import Gpu

L4 = Gpu("NVIDIA L4", 24 * 10**9, (8, 9))


def listed(tmp_path: Path, text: str) -> tuple[ModelWish, ...]:
    path = tmp_path / "models.toml"
    path.write_text(text)
    return read_models(path)


def test_the_default_list_is_the_demo_and_needs_no_hub() -> None:
    (demo,) = read_models(deploy_folder() / "models.toml")
    assert (demo.name, demo.precision, demo.pinned) == ("demo", None, True)
    assert demo.folder is not None
    assert (demo.folder / "config.json").is_file()
    assert demo.arguments("cpu") == [
        *("convert", "/source/checkpoint", "--name", "demo"),
        *("--device", "CPU", "--update", "--progress", "json"),
    ]


def test_a_model_of_the_hub_is_left_to_the_converter(tmp_path: Path) -> None:
    (qwen,) = listed(tmp_path, '[[model]]\nname = "qwen"\nsource = "Qwen/Qwen2.5-0.5B-Instruct"\n')
    assert qwen.folder is None
    assert not qwen.pinned
    assert qwen.arguments("intel-gpu") == [
        *("convert", "Qwen/Qwen2.5-0.5B-Instruct", "--name", "qwen", "--device", "GPU"),
        *("--update", "--progress", "json"),
    ]


def test_on_cuda_the_converter_is_told_of_the_gpus_and_vllm_takes_the_weights_as_they_are(tmp_path: Path) -> None:
    text = '[[model]]\nname = "a"\nsource = "org/a"\nprecision = "int4"\n'
    (wish,) = listed(tmp_path, text)
    words = wish.arguments("cuda", (L4, L4))
    assert words[words.index("--gpus") + 1] == "2x24GB:8.9"
    assert "--precision" not in words


@pytest.mark.parametrize(
    ("profile", "target", "served"),
    [
        ("cpu", "triton-llamacpp", True),
        ("cpu", "triton-vllm", False),
        ("cuda", "triton-vllm", True),
        ("cuda", "triton-openvino", False),
        ("intel-gpu", "ovms", False),
        ("cuda", None, True),
    ],
)
def test_a_target_that_the_profile_s_triton_cannot_serve_is_refused(
    profile: Profile, target: str | None, served: bool
) -> None:
    wish = ModelWish("a", "org/a", target=target)
    with contextlib.nullcontext() if served else pytest.raises(FieldRefused, match=f"the profile {profile} serves"):
        require_servable([wish], profile)


def test_an_archive_is_imported(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"")
    (wish,) = listed(tmp_path, '[[model]]\nname = "a"\nsource = "a.tar"\n')
    assert wish.arguments("cpu") == ["import", "/source/a.tar", "--name", "a", "--force"]


def test_a_path_is_meant_from_the_file_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "checkpoint").mkdir()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    (wish,) = listed(tmp_path, '[[model]]\nname = "a"\nsource = "checkpoint"\n')
    assert wish.folder == tmp_path / "checkpoint"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[model]]\n", "no 'name'"),
        ('[[model]]\nname = "a"\n', "no 'source'"),
        ('[[model]]\nname = "a"\nsource = "org/a"\nquant = "int4"\n', "'quant' cannot be honoured"),
        ('[[model]]\nname = "a"\nsource = "org/a"\npinned = "yes"\n', "true or false"),
        ('[[model]]\nname = "a"\nsource = "org/a"\ncontext = "8k"\n', "'context'"),
        ('[[model]]\nname = "a"\nsource = "./gone"\n', "there is no"),
        ('[[model]]\nname = "a"\nsource = "gone.tar"\n', "there is no"),
        ('[model]\nname = "a"\n', r"only tables \[\[model\]\]"),
        ("models = 1\n", r"only tables \[\[model\]\]; what is 'models'"),
        ("[[model]\n", "is not TOML"),
        ('[[model]]\nname = "a"\nsource = "o/a"\n[[model]]\nname = "a"\nsource = "o/b"\n', "'a' twice"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        listed(tmp_path, text)


def test_a_name_that_leads_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadEntryName):
        listed(tmp_path, '[[model]]\nname = "../a"\nsource = "org/a"\n')


def test_no_model_at_all_is_a_list_too(tmp_path: Path) -> None:
    assert listed(tmp_path, "") == ()


def test_those_that_stay_loaded(tmp_path: Path) -> None:
    text = '[[model]]\nname = "a"\nsource = "o/a"\npinned = true\n[[model]]\nname = "b"\nsource = "o/b"\n'
    assert pinned(listed(tmp_path, text)) == ["a"]


def test_the_record_changes_with_the_files_of_the_source_and_with_the_wish(tmp_path: Path) -> None:
    weights = tmp_path / "checkpoint/model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"1234")
    text = '[[model]]\nname = "a"\nsource = "checkpoint"\n'
    (wish,) = listed(tmp_path, text)
    first = wish.record("cpu")
    assert wish.record("cpu") == first
    assert wish.record("intel-gpu") != first
    os.utime(weights, ns=(1, 1))
    assert wish.record("cpu") != first
    (other,) = listed(tmp_path, text + 'precision = "int4"\n')
    assert other.record("cpu")["arguments"] != first["arguments"]
