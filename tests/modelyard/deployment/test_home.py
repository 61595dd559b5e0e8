"""The home of a deployment: modes, secrets, the variables of compose and the state."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from modelyard.deployment.errors import DeploymentBusy
from modelyard.deployment.home import Home, find_home
from modelyard.errors import HostProblem


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_enters_the_folder_of_secrets_and_the_containers_user_reads_the_file(home: Home) -> None:
    previous = os.umask(0o077)
    try:
        home.make()
        home.make_secret()
    finally:
        os.umask(previous)
    assert mode(home.secrets) == 0o700
    assert mode(home.api_key_file) == 0o444


def test_a_key_is_random_and_stays(home: Home, tmp_path: Path) -> None:
    home.make()
    home.make_secret()
    first = home.key()
    home.make_secret()
    other = Home(tmp_path / "other")
    other.make()
    other.make_secret()
    assert home.key() == first
    assert len(first) >= 43
    assert other.key() != first


def test_a_folder_that_was_opened_to_others_is_not_as_it_should_be(home: Home) -> None:
    home.make()
    assert home.is_made()
    home.secrets.chmod(0o755)
    assert not home.is_made()
    home.make()
    assert home.is_made()


def test_a_key_that_is_missing_is_named(home: Home) -> None:
    with pytest.raises(HostProblem, match="api_key"):
        home.key()


def test_variables_are_read_back_as_they_were_written(home: Home) -> None:
    home.make()
    values = {"MODELYARD_BIND": "0.0.0.0", "MODELYARD_MODELS": "", "MODELYARD_MODELS_DIR": "/srv/a_b-c/models"}
    home.write_env(values)
    assert home.read_env() == values


@pytest.mark.parametrize("value", ["two words", "$HOME", "'x'", "a\nb", "a#b"])
def test_a_value_that_compose_would_read_otherwise_is_refused(home: Home, value: str) -> None:
    home.make()
    with pytest.raises(HostProblem, match="MODELYARD_MODELS_DIR"):
        home.write_env({"MODELYARD_MODELS_DIR": value})
    assert not home.env_file.exists()


def test_the_state_is_replaced_whole(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.make()
    home.write_state({"version": "1"})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        home.write_state({"version": "2"})
    assert home.read_state() == {"version": "1"}
    assert sorted(path.name for path in home.path.iterdir()) == ["cache", "data", "secrets", "state.json"]


def test_a_home_without_a_state_has_an_empty_one_and_a_damaged_one_is_named(home: Home) -> None:
    assert home.read_state() == {}
    home.make()
    home.state_file.write_text("{")
    with pytest.raises(HostProblem, match="damaged"):
        home.read_state()


def test_two_commands_do_not_change_a_deployment_at_once(home: Home) -> None:
    with home.locked(), pytest.raises(DeploymentBusy), Home(home.path).locked():
        pass
    with home.locked():
        pass


def test_what_was_typed_goes_before_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert find_home(None, None).path == tmp_path / "modelyard/deploy"
    assert find_home(None, tmp_path / "set").path == tmp_path / "set"
    assert find_home(tmp_path / "typed", tmp_path / "set").path == tmp_path / "typed"
