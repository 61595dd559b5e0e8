"""The program of the role `backup`, run as it is: what is copied, brought back, refused, and which copies are kept.

Tries the archives only: restic and borg were tried on a host, where their packages are.
"""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "ansible/roles/backup/files/modelyard-backup"
SETTINGS = """\
METHOD=archive
TARGET={folder}/copies
COPIED=({folder}/etc '{folder}/is not there')
MODELS_DIR={folder}/models
MODELS={models}
KEEP_DAILY=3
KEEP_WEEKLY=2
KEEP_MONTHLY=2
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for path, text in {
        "etc/api_key": "a key",
        "models/demo/manifest.json": "{}",
        "models/demo/config.pbtxt": 'name: "demo"',
        "models/demo/1/model.bin": "weights",
        "models/.staging/demo/manifest.json": "{}",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "etc/api_key").chmod(0o600)
    return tmp_path


def run(host: Path, *arguments: str, models: bool = False) -> subprocess.CompletedProcess[str]:
    settings = host / "settings"
    settings.write_text(SETTINGS.format(folder=host, models=str(models).lower()))
    # Programs in bin/ go before the system's.
    path = f"{host}/bin:{os.environ['PATH']}"
    environment = os.environ | {"MODELYARD_BACKUP_SETTINGS": str(settings), "PATH": path}
    return subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, check=False, env=environment)


def restored(host: Path) -> dict[str, str]:
    folder = host / "restored"
    folder.mkdir()
    assert run(host, "restore", "latest", str(folder)).returncode == 0
    below = folder / host.relative_to("/")
    return {str(path.relative_to(below)): path.read_text() for path in below.rglob("*") if path.is_file()}


def test_configuration_and_manifests_come_back(host: Path) -> None:
    made = run(host, "backup")
    assert made.returncode == 0, made.stderr
    assert restored(host) == {
        "etc/api_key": "a key",
        "models/demo/manifest.json": "{}",
        "models/demo/config.pbtxt": 'name: "demo"',
    }
    assert (host / "restored" / host.relative_to("/") / "etc/api_key").stat().st_mode & 0o777 == 0o600
    (copy,) = (host / "copies").iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    assert run(host, "check").returncode == 0


def test_the_weights_too_when_asked(host: Path) -> None:
    assert run(host, "backup", models=True).returncode == 0
    found = restored(host)
    assert found["models/demo/1/model.bin"] == "weights"
    assert not [path for path in found if ".staging" in path]


def test_days_weeks_and_months_are_kept(host: Path) -> None:
    copies = host / "copies"
    copies.mkdir()
    newest = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    days = [newest - datetime.timedelta(days=number) for number in range(100)]
    # Two on each day: the later one is that day's.
    for day in days:
        for hour in (3, 15):
            (copies / f"modelyard-host-{day:%Y%m%d}T{hour:02}0000Z.tar.zst").write_text("")
    (copies / "somebody-elses.tar.zst").write_text("")
    assert run(host, "backup").returncode == 0
    names = sorted(path.name for path in copies.glob("modelyard-*"))
    today = datetime.datetime.now(datetime.timezone.utc)
    every = [today, *days]

    def last_of_each(form: str, count: int) -> set[str]:
        found: dict[str, str] = {}
        for day in every:
            found.setdefault(f"{day:{form}}", f"{day:%Y%m%d}")
        return set(list(found.values())[:count])

    wanted = last_of_each("%F", 3) | last_of_each("%G-%V", 2) | last_of_each("%Y-%m", 2)
    assert {name.split("-")[-1][:8] for name in names} == wanted
    assert not [name for name in names if "T03" in name and f"{today:%Y%m%d}" not in name]
    assert (copies / "somebody-elses.tar.zst").exists()


def program(host: Path, name: str, code: int) -> None:
    """A program that does its work, and then says something else about it."""
    real = shutil.which(name)
    (host / "bin").mkdir()
    (host / "bin" / name).write_text(f'#!/bin/sh\n{real} "$@"\nexit {code}\n')
    (host / "bin" / name).chmod(0o755)


def test_a_copy_that_fails_leaves_nothing_that_looks_like_one(host: Path) -> None:
    program(host, "tar", 2)
    assert run(host, "backup").returncode != 0
    assert not list((host / "copies").glob("modelyard-*"))
    shutil.rmtree(host / "bin")
    assert run(host, "backup").returncode == 0
    assert [path.name.startswith("modelyard-") for path in (host / "copies").iterdir()] == [True]


def test_a_file_that_changes_meanwhile_is_no_failure(host: Path) -> None:
    program(host, "tar", 1)
    assert run(host, "backup").returncode == 0
    assert len(list((host / "copies").glob("modelyard-*"))) == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("restore", "latest"), "takes a copy and a folder"),
        (("restore", "latest", "/nowhere"), "no folder"),
        (("restore", "modelyard-old.tar.zst", "/tmp"), "no copy"),
        (("destroy",), "no command"),
    ],
)
def test_it_says_what_is_wrong(host: Path, arguments: tuple[str, ...], word: str) -> None:
    assert run(host, "backup").returncode == 0
    done = run(host, *arguments)
    assert done.returncode == 1
    assert word in done.stderr


def test_without_settings_it_says_so(tmp_path: Path) -> None:
    environment = os.environ | {"MODELYARD_BACKUP_SETTINGS": str(tmp_path / "settings")}
    done = subprocess.run([str(PROGRAM), "list"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
