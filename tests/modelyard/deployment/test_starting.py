"""The steps of `up`: which are done, and in which order they come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from modelyard.deployment.answer import editions, model_to_ask, remade
from modelyard.deployment.compose import Project
from modelyard.deployment.errors import NpuDriverMissing
from modelyard.deployment.home import Home
from modelyard.deployment.model_list import ModelWish
from modelyard.deployment.plan import Deployment, Identity, Options
from modelyard.deployment.profile import Profile
from modelyard.deployment.starting import Site, step_of_model, steps
from modelyard.deployment.steps import carry_out
from modelyard.entry import entry_at
from modelyard.manifest import Manifest, Source, write_manifest
from tests.modelyard.catalog.entries import amend_manifest
from tests.modelyard.deployment.test_steps import Heard


def no_engine() -> NoReturn:
    raise AssertionError("the engine was asked")


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text("{}")
    return Deployment(
        identity=Identity("mine", "1.0", "modelyard"),
        options=Options(),
        models=(ModelWish("a", "checkpoint", folder=checkpoint, pinned=True), ModelWish("hub", "org/hub")),
        user=(10001, 10001),
        render_gid=None,
        memory=16 * 2**30,
    )


def site(home: Home, tmp_path: Path) -> Site:
    return Site(home, tmp_path / "deploy", no_engine, Heard())


def add_entry(home: Home, name: str, task: str = "text-generation") -> None:
    entry = entry_at(home.models, name)
    entry.folder.mkdir(parents=True)
    entry.config.touch()
    manifest = Manifest(
        name=name,
        task=task,
        source=Source("folder", "checkpoint", "abc"),
        architecture="Test",
        parameters=1,
        context_length=None,
        precision="int8",
        device="CPU",
        settings={},
        created="2026-01-01T00:00:00+00:00",
        duration_s=1.0,
    )
    write_manifest(entry, manifest)


def record(home: Home, deployment: Deployment, wish: ModelWish) -> None:
    home.make()
    state = home.read_state()
    made = {**state.get("models", {}), wish.name: wish.record(deployment.options.profile)}
    home.write_state({**state, "models": made})


def test_the_order(home: Home, tmp_path: Path, deployment: Deployment) -> None:
    project = Project(("docker", "compose"), tmp_path, tuple(deployment.files), home.env_file, "mine")
    titles = [step.title for step in steps(deployment, site(home, tmp_path), project=project)]
    assert titles == [
        "making the home of the deployment",
        "making a secret: api_key",
        *(f"pulling modelyard/{name}:1.0" for name in ("balancer", "gateway", "triton-openvino", "converter")),
        "converting a from checkpoint",
        "fetching and converting hub from org/hub",
        "writing the variables of compose",
        "recording the deployment",
        "starting the containers",
    ]


def test_for_an_npu_no_image_is_built_that_could_not_use_it(
    home: Home, tmp_path: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DRIVER_URLS", "PYTHON_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))  # no program docker: what is not refused fails there
    profiles: dict[Profile, type[Exception]] = {"intel-npu": NpuDriverMissing, "intel-gpu": FileNotFoundError}
    for profile, refusal in profiles.items():
        wanted = replace(deployment, options=replace(deployment.options, profile=profile))
        project = Project(("docker", "compose"), tmp_path, tuple(wanted.files), home.env_file, "mine")
        planned = steps(wanted, site(home, tmp_path), manner="build", project=project)
        (build,) = [step for step in planned if step.title == "building modelyard/triton-openvino:1.0-intel"]
        with pytest.raises(refusal):
            build.run()


def test_the_words_of_the_steps_have_no_secret(home: Home, tmp_path: Path, deployment: Deployment) -> None:
    home.make()
    home.make_secret()
    project = Project(("docker", "compose"), tmp_path, tuple(deployment.files), home.env_file, "mine")
    found = steps(deployment, site(home, tmp_path), project=project)
    assert not any(home.key() in step.title + step.words for step in found)


def test_a_model_is_done_when_it_is_there_as_it_was_wished(home: Home, tmp_path: Path, deployment: Deployment) -> None:
    wish = deployment.models[0]
    step = step_of_model(wish, deployment, site(home, tmp_path))
    assert not step.is_done()
    add_entry(home, "a")
    assert not step.is_done()
    record(home, deployment, wish)
    assert step.is_done()
    other = replace(wish, precision="int4")
    assert not step_of_model(other, deployment, site(home, tmp_path)).is_done()
    assert wish.folder is not None
    (wish.folder / "config.json").write_text('{"changed": true}')
    assert not step.is_done()


def test_the_hub_is_asked_again_only_when_that_is_wanted(home: Home, tmp_path: Path, deployment: Deployment) -> None:
    a, hub = deployment.models
    for wish in (a, hub):
        add_entry(home, wish.name)
        record(home, deployment, wish)
    here = site(home, tmp_path)
    assert step_of_model(hub, deployment, here).is_done()
    assert not step_of_model(hub, deployment, here, refresh=True).is_done()
    assert step_of_model(a, deployment, here, refresh=True).is_done()


def test_without_a_model_to_make_the_converter_s_image_is_not_needed(
    home: Home, tmp_path: Path, deployment: Deployment
) -> None:
    for wish in deployment.models:
        add_entry(home, wish.name)
        record(home, deployment, wish)
    project = Project(("docker", "compose"), tmp_path, tuple(deployment.files), home.env_file, "mine")
    titles = [step.title for step in steps(deployment, site(home, tmp_path), project=project)]
    assert "pulling modelyard/converter:1.0" not in titles


def test_the_steps_on_disk_are_done_after_one_run(home: Home, tmp_path: Path, deployment: Deployment) -> None:
    user = replace(deployment, user=(0, 0), models=())
    project = Project(("docker", "compose"), tmp_path, tuple(user.files), home.env_file, "mine")
    on_disk = [
        step
        for step in steps(user, site(home, tmp_path), project=project)
        if step.title.startswith(("making", "writing", "recording"))
    ]
    assert len(carry_out(on_disk, Heard())) == len(on_disk) == 4
    before = {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}
    assert carry_out(on_disk, Heard()) == []
    assert {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()} == before


def test_the_first_model_that_chats_is_asked(home: Home) -> None:
    add_entry(home, "embedder", task="feature-extraction")
    add_entry(home, "chat")
    assert model_to_ask(home, ["missing", "embedder", "chat"]) == "chat"
    assert model_to_ask(home, ["embedder"]) is None


def test_a_model_that_was_made_anew_is_known_by_its_time(home: Home) -> None:
    add_entry(home, "a")
    add_entry(home, "b")
    before = editions(home, ["a", "b", "missing"])
    assert remade(before, editions(home, ["a", "b"])) == []
    amend_manifest(entry_at(home.models, "a"), created="2026-02-02T00:00:00+00:00")
    add_entry(home, "new")
    assert remade(before, editions(home, ["a", "b", "new"])) == ["a"]
