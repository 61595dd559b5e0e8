"""Python packages as wheels: our own, built from the checkout, and those of the lock files, for the hosts' Python.

Knows pip's command line and lock files; does not know who installs the wheels.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from modelyard.deployment.errors import WheelsUnavailable

# Tags that pip does not work out for another interpreter than its own. glibc 2.35 and newer: Ubuntu 22.04, Debian 12.
_PLATFORMS = {
    "linux/amd64": [
        *(f"manylinux_2_{minor}_x86_64" for minor in range(35, 4, -1)),
        "manylinux2014_x86_64",
        "manylinux2010_x86_64",
        "manylinux1_x86_64",
        "linux_x86_64",
    ],
    "linux/arm64": [
        *(f"manylinux_2_{minor}_aarch64" for minor in range(35, 16, -1)),
        "manylinux2014_aarch64",
        "linux_aarch64",
    ],
}
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "modelyard", "gateway", "converters", "backends")
_LAST_LINES = 8


def lines_for(lock: str, python: str, platform: str = "linux/amd64") -> list[str]:
    """The requirements of a lock file that hold for a Python such as 3.11.

    pip weighs the conditions of a line by the interpreter it runs on, also when it downloads for another one.
    """
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]
    environment = {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine}
    kept = []
    for line in lock.splitlines():
        text = line.split("#", 1)[0].strip().removesuffix("\\").strip()
        if not text or text.startswith("-"):
            continue
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate(environment):
            wanted.marker = None
            kept.append(str(wanted))
    return kept


def download(locks: Sequence[Path], folder: Path, *, python: str, platform: str) -> None:
    """Wheels of everything in the lock files, and beside them the lists: `<name>.txt` for `pip install -r`.

    Raises WheelsUnavailable with pip's own words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for lock in locks:
        listed = folder / lock.name
        listed.write_text("".join(f"{line}\n" for line in lines_for(lock.read_text(), python, platform)))
        _pip(
            "download",
            *("--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", python),
            *(part for tag in _PLATFORMS[platform] for part in ("--platform", tag)),
            *("--dest", str(folder), "--requirement", str(listed)),
        )


def build_own(checkout: Path, folder: Path) -> Path:
    """The wheel of the checkout, built in a copy, since a build leaves folders behind."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="modelyard-wheel-") as scratch:
        for name in _SOURCES:
            source = checkout / name
            if source.is_dir():
                shutil.copytree(source, Path(scratch, name), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, Path(scratch, name))
        _pip("wheel", "--no-deps", "--wheel-dir", str(folder), scratch)
    return next(iter(folder.glob("modelyard-*.whl")))


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise WheelsUnavailable("\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:]))


def own_python() -> str:
    """The version of this interpreter, as in 3.11."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
