"""Where the pieces of the embedded Triton are, and the backend folder made of them.

The pieces come from the wheel nvidia-pytriton in the engine environment, which is asked but never imported. Knows
files; starts nothing but that one question to the interpreter.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.errors import EnvironmentMissing, LibraryMissing

OUR_BACKENDS = Path(__file__).resolve().parents[2] / "backends"

# find_spec of a top-level package does not import it.
_QUESTION = """
import importlib.metadata, importlib.util, json, sys, sysconfig
spec = importlib.util.find_spec("pytriton")
try:
    numpy = importlib.metadata.version("numpy")
except importlib.metadata.PackageNotFoundError:
    numpy = None
json.dump({
    "version": sysconfig.get_python_version(),
    "prefix": sys.prefix,
    "libraries": [sysconfig.get_config_var("LIBDIR"), sys.base_prefix + "/lib", sysconfig.get_config_var("LIBPL")],
    "pytriton": list(spec.submodule_search_locations)[0] if spec else None,
    "numpy": numpy,
}, sys.stdout)
"""


@dataclass(frozen=True)
class Distribution:
    """The pieces: `server` is the program, `stub` runs a Python model in `python`'s version."""

    python: Path
    server: Path
    stub: Path
    backend_library: Path
    backend_utils: Path
    library_folders: tuple[Path, ...]
    backends: tuple[Path, ...]

    def lay_out(self, folder: Path) -> Path:
        """Make the backend directory below `folder` and return it."""
        directory = folder / "backends"
        python = directory / "python"
        python.mkdir(parents=True)
        # Triton refuses a backend library that is a link out of its folder ("escapes backend directory").
        shutil.copyfile(self.backend_library, python / self.backend_library.name)
        (python / self.backend_utils.name).symlink_to(self.backend_utils)
        (python / self.stub.name).symlink_to(self.stub)
        for backend in self.backends:
            (directory / backend.name).symlink_to(backend, target_is_directory=True)
        return directory

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment for tritonserver, made from `base`."""
        kept = without_settings(base)
        folders = [str(folder) for folder in self.library_folders]
        if base.get("LD_LIBRARY_PATH"):
            folders.append(base["LD_LIBRARY_PATH"])
        kept["LD_LIBRARY_PATH"] = os.pathsep.join(folders)
        # The stub takes its packages from the environment whose `python3` comes first.
        kept["PATH"] = os.pathsep.join([str(self.python.parent), base.get("PATH", os.defpath)])
        kept["PYTHONNOUSERSITE"] = "1"
        kept["PYTHONUNBUFFERED"] = "1"
        return kept


def without_settings(base: Mapping[str, str]) -> dict[str, str]:
    """The environment without what Triton should not have."""
    # Our own settings hold secrets that an engine needs not know; the other two would lead the stub to packages of a
    # different interpreter.
    return {
        name: value
        for name, value in base.items()
        if not name.startswith("MODELYARD_") and name not in ("PYTHONHOME", "PYTHONPATH")
    }


def find_distribution(engine_python: Path, *, backends: Path = OUR_BACKENDS) -> Distribution:
    """The Triton of the engine environment, with our backends.

    Raises EnvironmentMissing when the interpreter or the wheel is not there, LibraryMissing when the interpreter
    has no shared library for the stub, or a package that the stub cannot work with.
    """
    # absolute, not resolve: the environment is found by the path of the link to the interpreter.
    python = engine_python.absolute()
    answer = _ask(python)
    if answer["pytriton"] is None:
        raise EnvironmentMissing("engine", python)
    _refuse_numpy_2(answer["numpy"])
    triton = Path(answer["pytriton"]) / "tritonserver"
    version: str = answer["version"]
    found = Distribution(
        python=python,
        server=triton / "bin" / "tritonserver",
        stub=triton / "python_backend_stubs" / version / "triton_python_backend_stub",
        backend_library=triton / "backends" / "python" / "libtriton_python.so",
        backend_utils=triton / "backends" / "python" / "triton_python_backend_utils.py",
        library_folders=(triton.parents[1] / "nvidia_pytriton.libs", _libpython_folder(answer)),
        backends=tuple(sorted(model.parent for model in backends.glob("*/model.py"))),
    )
    for piece in (found.server, found.backend_library, found.backend_utils):
        if not piece.is_file():
            raise LibraryMissing(
                f"the Triton of the engine environment is incomplete: {piece} is not there", hint=_REMAKE
            )
    if not found.stub.is_file():
        raise LibraryMissing(
            f"Triton's Python backend does not fit Python {version}: {found.stub} is not there",
            hint="make the engine environment with Python 3.10, 3.11 or 3.12",
        )
    return found


_REMAKE = "make the engine environment again: make engine-env"


def _ask(python: Path) -> dict[str, Any]:
    try:
        # -I: neither the caller's folder nor its PYTHONPATH decides what the engine environment has.
        done = subprocess.run([python, "-I", "-c", _QUESTION], capture_output=True, check=True, timeout=60)
        answer: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EnvironmentMissing("engine", python) from error
    return answer


def _refuse_numpy_2(version: str | None) -> None:
    if version is None:
        raise LibraryMissing("the engine environment has no numpy, which Triton's Python backend needs", hint=_REMAKE)
    # With numpy 2 the first text tensor crashes the stub of Triton 2.51 instead of failing with a sentence.
    if int(version.partition(".")[0]) >= 2:
        raise LibraryMissing(
            f"the engine environment has numpy {version}, and Triton's Python backend needs one below 2", hint=_REMAKE
        )


def _libpython_folder(answer: Mapping[str, Any]) -> Path:
    version: str = answer["version"]
    name = f"libpython{version}.so.1.0"
    own = Path(answer["prefix"]) / "lib"
    candidates = [Path(folder) / name for folder in answer["libraries"] if folder]
    # Where `dpkg-deb -x` puts it when the package was unpacked into the environment.
    candidates += [own / name, *own.glob(f"usr/lib/*/{name}"), *own.glob(f"*/{name}")]
    candidates += _known_to_the_linker(name)
    for candidate in candidates:
        if candidate.is_file():
            return candidate.parent
    package = f"libpython{version}"
    raise LibraryMissing(
        f"{name} is missing, which Triton's Python backend needs",
        hint=f"on Debian and Ubuntu: apt-get install {package}; without root: "
        f"apt-get download {package} && dpkg-deb -x {package}_*.deb {own}",
    )


def _known_to_the_linker(name: str) -> list[Path]:
    for program in ("ldconfig", "/sbin/ldconfig"):  # /sbin is not on the PATH of a Debian user
        try:
            listed = subprocess.run([program, "-p"], capture_output=True, text=True, check=True, timeout=10).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        lines = (line.strip() for line in listed.splitlines())
        return [Path(line.rpartition(" => ")[2]) for line in lines if line.startswith(f"{name} ")]
    return []
