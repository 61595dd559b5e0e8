"""What is said of a file by how the process ends that llama.cpp reads it in; stand-ins for its interpreter end so."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.llamacpp_scores import Question, scores_of
from modelyard.errors import LoadRefused

_LOG = "0.00.007.558 E llama_model_load: error loading model: unknown model architecture: 'x'"


def asked(folder: Path, script: str) -> object:
    interpreter = folder / "python"
    interpreter.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    interpreter.chmod(0o755)
    return scores_of(folder / "a.gguf", Question(), engine_python=interpreter, architecture="x")


def test_an_answer(tmp_path: Path) -> None:
    assert asked(tmp_path, """echo loading; echo loaded; echo '[{"tokens": []}]'""") == [{"tokens": []}]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f'echo loading; echo "{_LOG}" >&2; echo "1.2 E srv init: exiting" >&2; exit 1', "unknown model arch"),
        (
            "echo loading; echo 'model.cpp:13: GGML_ASSERT(n > 0) failed' >&2; kill -s ABRT $$",
            r"GGML_ASSERT\(n > 0\) f",
        ),
        ("echo loading; kill -s SEGV $$", "it dies of SIGSEGV"),
        ("echo loading; echo loaded; kill -s FPE $$", "it dies of SIGFPE"),
        ("echo loading; echo 'RuntimeError: no completions' >&2; exit 1", "no completions"),
        ("echo loading; exit 1", "it gives no reason"),
    ],
)
def test_what_is_the_files_fault(script: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(
        LoadRefused, match=rf"llama\.cpp does not run a\.gguf, a model of the architecture 'x': .*{why}"
    ):
        asked(tmp_path, script)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo loading; kill -s KILL $$", "too little memory"),
        ("echo loading; echo 'std::bad_alloc' >&2; exit 1", "too little memory"),
        ("echo loading; kill -s TERM $$", "does not run it here"),
        ("echo loading; kill -s ILL $$", "does not run it here"),
        ("echo 'ImportError: libgomp' >&2; exit 1", "does not run it here"),
        ("kill -s SEGV $$", "does not run it here"),
        ("echo loading; echo loaded; exit 1", "does not answer what is measured"),
    ],
)
def test_what_says_nothing_of_the_file(script: str, why: str, tmp_path: Path) -> None:
    assert why in str(asked(tmp_path, script))
