"""What a deployment is to be: variables, state, and what is remembered."""

from __future__ import annotations

from typing import Any

import pytest

import modelyard
from modelyard.deployment.home import Home
from modelyard.deployment.model_list import ModelWish
from modelyard.deployment.plan import Deployment, Identity, Options, containers_user, identity, options_of
from modelyard.errors import FieldRefused
from modelyard.settings import Settings

MODELS = (ModelWish("a", "org/a", pinned=True), ModelWish("b", "org/b"), ModelWish("c", "org/c", pinned=True))


def deployment(options: Options | None = None, **more: Any) -> Deployment:
    facts: dict[str, Any] = {
        "identity": Identity("mine", "1.0", "registry.example/team"),
        "models": MODELS,
        "user": (1000, 1000),
        "render_gid": None,
        "memory": 18 * 2**30,
    }
    return Deployment(options=options or Options(), **{**facts, **more})


def test_the_variables_of_compose(home: Home) -> None:
    assert deployment().variables(home) == {
        "MODELYARD_IMAGE_PREFIX": "registry.example/team",
        "MODELYARD_VERSION": "1.0",
        "MODELYARD_BALANCER_VERSION": "1.0",
        "MODELYARD_USER": "1000:1000",
        "MODELYARD_BIND": "127.0.0.1",
        "MODELYARD_PORT": "11434",
        "MODELYARD_MODELS_DIR": str(home.models),
        "MODELYARD_SECRETS_DIR": str(home.secrets),
        "MODELYARD_MODELS": "a,c",
        "MODELYARD_TRITON_MEMORY": "16384m",
        "MODELYARD_GATEWAYS": "1",
        "MODELYARD_TRITONS": "1",
    }


def test_several_tritons_share_the_memory_and_the_render_group_is_a_number(home: Home) -> None:
    values = deployment(Options(tritons=4), render_gid=993).variables(home)
    assert values["MODELYARD_TRITON_MEMORY"] == "4096m"
    assert values["MODELYARD_RENDER_GID"] == "993"
    assert deployment(Options(triton_memory="6g")).variables(home)["MODELYARD_TRITON_MEMORY"] == "6g"


def test_variables_that_the_owner_added_stay_and_ours_go_before_theirs(home: Home) -> None:
    home.make()
    home.write_env({"MODELYARD_STOP_GRACE": "300s", "MODELYARD_PORT": "1"})
    values = deployment().variables(home)
    assert values["MODELYARD_STOP_GRACE"] == "300s"
    assert values["MODELYARD_PORT"] == "11434"


@pytest.mark.parametrize(
    ("options", "extra"),
    [
        (Options(), []),
        (Options(gateways=2), ["compose.scale.yml"]),
        (Options(tritons=2), ["compose.scale.yml"]),
        (Options(extras=("monitoring",)), ["compose.monitoring.yml"]),
    ],
)
def test_the_files(options: Options, extra: list[str]) -> None:
    assert deployment(options).files == ["compose.yml", "compose.cpu.yml", *extra]


def test_what_is_added_has_its_secret() -> None:
    assert deployment(Options(extras=("monitoring", "webui"))).secrets == [
        *("api_key", "grafana_password", "webui_secret_key")
    ]


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("192.0.2.7", "http://192.0.2.7:11434"),
        ("::1", "http://[::1]:11434"),
    ],
)
def test_where_this_host_asks(bind: str, url: str) -> None:
    assert Options(bind=bind).url == url


def test_options_are_remembered_and_what_is_typed_changes_them() -> None:
    state = deployment(Options(profile="cuda", gateways=3, extras=("webui",))).state({})
    kept = options_of(state)
    assert kept == Options(profile="cuda", gateways=3, extras=("webui",))
    assert kept is not None
    assert kept.changed(gateways=None, tritons=2, extras=()) == Options(profile="cuda", gateways=3, tritons=2)
    assert options_of({}) is None


def test_an_extra_that_is_none_is_refused() -> None:
    with pytest.raises(FieldRefused, match="'grafana' is none of monitoring, webui"):
        Options().changed(extras=("grafana",))


def test_the_state_keeps_what_others_wrote_and_the_version_before() -> None:
    first = deployment().state({"models": {"a": {}}})
    assert (first["version"], first["previous"], first["models"]) == ("1.0", None, {"a": {}})
    assert deployment().state(first) == first
    second = deployment(identity=Identity("mine", "2.0", "modelyard")).state(first)
    assert (second["version"], second["previous"]) == ("2.0", "1.0")
    assert deployment(identity=Identity("mine", "2.0", "modelyard")).state(second) == second


def test_a_deployment_stays_what_it_is_until_something_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROJECT", "VERSION", "IMAGE_PREFIX"):
        monkeypatch.delenv(f"MODELYARD_{name}", raising=False)
    assert identity(Settings(), {}) == Identity("modelyard", modelyard.__version__, "modelyard")
    state = {"project": "mine", "version": "0.9", "image_prefix": "registry.example/team"}
    assert identity(Settings(), state) == Identity("mine", "0.9", "registry.example/team")
    monkeypatch.setenv("MODELYARD_VERSION", "1.1")
    monkeypatch.setenv("MODELYARD_PROJECT", "other")
    assert identity(Settings(), state) == Identity("other", "1.1", "registry.example/team")


@pytest.mark.parametrize(
    ("uid", "rootless", "user"), [(1000, False, (1000, 100)), (0, False, (10001, 10001)), (1000, True, (0, 0))]
)
def test_whom_the_containers_run_as(uid: int, rootless: bool, user: tuple[int, int]) -> None:
    assert containers_user(uid, 100, rootless=rootless) == user
