"""Where the images of a deployment come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from modelyard.deployment.errors import NpuDriverMissing
from modelyard.deployment.images import IMAGES
from modelyard.deployment.obtaining import (
    Manner,
    Source,
    build_words,
    can_build,
    image_of_triton,
    images_of,
    steps,
)


def no_engine() -> NoReturn:
    raise AssertionError("the engine was asked")


def source(folder: Path, manner: Manner = "auto") -> Source:
    return Source(no_engine, folder, "registry.example/team", "1.0", manner)


def checkout(root: Path) -> Path:
    dockerfile = root / "deploy/docker/gateway/Dockerfile"
    dockerfile.parent.mkdir(parents=True)
    dockerfile.touch()
    (root / "pyproject.toml").touch()
    return root / "deploy"


def test_each_profile_has_its_triton_and_the_converter_comes_when_a_model_is_to_be_made() -> None:
    def names(profile: Any, *, converter: bool = False) -> list[str]:
        return [image.key for image in images_of(profile, converter=converter)]

    assert names("cpu") == ["balancer", "gateway", "triton-openvino"]
    assert names("intel-gpu")[2] == names("intel-npu")[2] == "triton-openvino-intel"
    assert names("cuda", converter=True) == ["balancer", "gateway", "triton-cuda", "converter"]


def test_a_checkout_builds_and_deployment_files_alone_pull(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    images = images_of("cpu", converter=False)
    assert can_build(folder)
    assert all(step.title.startswith("building registry.example/team/") for step in steps(images, source(folder)))
    assert all(step.title.startswith("pulling") for step in steps(images, source(folder, "pull")))
    (tmp_path / "pyproject.toml").unlink()
    assert not can_build(folder)
    assert [step.words for step in steps(images[:1], source(folder))] == [
        "docker pull registry.example/team/balancer:1.0"
    ]


def test_what_was_asked_for_is_done_also_when_an_image_is_here(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    manners: tuple[Manner, ...] = ("build", "pull")
    for manner in manners:
        assert not any(step.is_done() for step in steps(images_of("cpu", converter=True), source(folder, manner)))


def test_an_image_for_an_npu_is_not_built_without_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkout(tmp_path)
    asked = replace(source(folder, "build"), npu=True)
    step = steps([image_of_triton("intel-npu")], asked)[0]
    monkeypatch.delenv("PYTHON_IMAGE", raising=False)
    monkeypatch.delenv("DRIVER_URLS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NpuDriverMissing, match="without the driver of the NPU"):
        step.run()
    # With one it goes on to the program docker, which is not there.
    monkeypatch.setenv("DRIVER_URLS", "https://mirror.example/npu.deb#sha256=1")
    with pytest.raises(FileNotFoundError, match="docker"):
        step.run()


def test_mirrors_and_proxies_are_passed_by_name_so_that_nobody_reads_a_password_of_theirs(tmp_path: Path) -> None:
    given = {"PIP_INDEX_URL": "https://user:secret@mirror.example/simple", "HTTPS_PROXY": "", "OTHER": "x"}
    words = build_words(IMAGES["gateway"], source(tmp_path), given)
    assert words[words.index("PIP_INDEX_URL") - 1] == "--build-arg"
    assert words[-1] == "."
    assert not any("secret" in word or word in ("HTTPS_PROXY", "OTHER") for word in words)
