"""What is missing in an engine environment is said in a sentence, with what to do about it."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from modelyard.engine import distribution as module
from modelyard.engine.distribution import Distribution, find_distribution
from modelyard.errors import EnvironmentMissing, LibraryMissing


def fake_interpreter(folder: Path, **answers: object) -> Path:
    """An interpreter that answers the question in its own way."""
    folder.mkdir(parents=True, exist_ok=True)
    pytriton = folder / "site-packages" / "pytriton"
    answer = {
        "version": "3.11",
        "prefix": str(folder),
        "libraries": [str(folder / "nowhere")],
        "pytriton": str(pytriton),
        "numpy": "1.26.4",
        **answers,
    }
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\nimport json\nprint(json.dumps({answer!r}))\n")
    path.chmod(0o755)
    return path


def test_the_engine_environment_of_this_checkout(distribution: Distribution, engine_python: Path) -> None:
    assert distribution.python == engine_python.absolute()
    assert "openvino_genai" in [backend.name for backend in distribution.backends]
    assert any(folder.glob("libpython3.*.so.1.0") for folder in distribution.library_folders)


def test_the_backend_directory(distribution: Distribution, tmp_path: Path) -> None:
    directory = distribution.lay_out(tmp_path)
    assert not (directory / "python" / "libtriton_python.so").is_symlink()
    assert os.access(directory / "python" / "triton_python_backend_stub", os.X_OK)
    assert (directory / "python" / "triton_python_backend_utils.py").is_file()
    assert (directory / "openvino_genai" / "model.py").is_file()


def test_secrets_and_foreign_packages_stay_outside(distribution: Distribution) -> None:
    base = {
        "MODELYARD_API_KEY": "secret",
        "PYTHONPATH": "/elsewhere",
        "PYTHONHOME": "/elsewhere",
        "HOME": "/home/me",
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/mine",
    }
    made = distribution.environment(base)
    assert not {"MODELYARD_API_KEY", "PYTHONPATH", "PYTHONHOME"} & set(made)
    assert made["HOME"] == "/home/me"
    assert made["PATH"] == f"{distribution.python.parent}:/bin"
    assert made["LD_LIBRARY_PATH"].endswith(":/mine")


def test_no_interpreter(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="the engine environment is missing") as error:
        find_distribution(tmp_path / "bin" / "python")
    assert "make engine-env" in error.value.hint


def test_an_interpreter_without_triton(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="the engine environment is missing"):
        find_distribution(fake_interpreter(tmp_path, pytriton=None))


def test_numpy_2(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing, match=r"numpy 2\.1\.0"):
        find_distribution(fake_interpreter(tmp_path, numpy="2.1.0"))


def test_no_libpython(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_known_to_the_linker", lambda name: [])
    with pytest.raises(LibraryMissing, match=r"libpython3\.11\.so\.1\.0 is missing") as error:
        find_distribution(fake_interpreter(tmp_path))
    assert "apt-get install libpython3.11" in error.value.hint
    assert f"apt-get download libpython3.11 && dpkg-deb -x libpython3.11_*.deb {tmp_path / 'lib'}" in error.value.hint


@pytest.mark.parametrize("place", ["lib/usr/lib/x86_64-linux-gnu", "lib"])
def test_a_libpython_that_was_unpacked_into_the_environment(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distribution: Distribution
) -> None:
    monkeypatch.setattr(module, "_known_to_the_linker", lambda name: [])
    unpacked = tmp_path / place
    unpacked.mkdir(parents=True)
    (unpacked / "libpython3.11.so.1.0").touch()
    real = distribution.server.parents[2]
    found = find_distribution(fake_interpreter(tmp_path, pytriton=str(real)))
    assert unpacked in found.library_folders


def test_a_triton_that_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing, match="incomplete"):
        find_distribution(fake_interpreter(tmp_path, libraries=[str(_with_libpython(tmp_path))]))


def test_a_python_that_triton_has_no_stub_for(tmp_path: Path, distribution: Distribution) -> None:
    answers = {"version": "3.99", "pytriton": str(distribution.server.parents[2])}
    interpreter = fake_interpreter(tmp_path, libraries=[str(_with_libpython(tmp_path, "3.99"))], **answers)
    with pytest.raises(LibraryMissing, match=r"does not fit Python 3\.99"):
        find_distribution(interpreter)


def _with_libpython(folder: Path, version: str = "3.11") -> Path:
    (folder / "libraries").mkdir(exist_ok=True)
    (folder / "libraries" / f"libpython{version}.so.1.0").touch()
    return folder / "libraries"


def test_a_distribution_is_a_value(distribution: Distribution) -> None:
    assert dataclasses.replace(distribution) == distribution
