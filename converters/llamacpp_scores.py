"""llama.cpp asked about a GGUF file in a process of its own: whether it loads the file, and what it thinks comes next.

A file may end the process that reads it, so that what llama.cpp makes of it is known by how that process ends. Knows
processes and llama.cpp's words; `engine_scores.py`, which runs there, knows llama.cpp.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.crashes import crash_of, was_killed
from modelyard import host
from modelyard.errors import LoadRefused

_SCRIPT = Path(__file__).with_name("engine_scores.py")
_TIMEOUT_S = 600.0  # far more than the largest file took; a server that hangs must not keep the conversion
_BEGUN, _LOADED = "loading", "loaded"  # as the script says
# A line of llama.cpp's log (time, level, who says it, what), or a condition of its source that does not hold.
_ERROR = re.compile(r"[\d.]+ E .*?: +(?:error loading model: )?(?P<what>.+)|.*(?P<held>GGML_ASSERT\(.*)")
_NO_MEMORY = ("bad_alloc", "failed to allocate", "unable to allocate")


@dataclass(frozen=True)
class Question:
    """Texts, how many tokens of each are read at most, and how many of the likeliest next ones are told."""

    texts: Sequence[str] = ()
    longest: int = 8
    likeliest: int = 1


def scores_of(file: Path, question: Question, *, engine_python: Path, architecture: str) -> list[dict[str, Any]] | str:
    """What llama.cpp answers, for each text; or why it could not be asked. Raises LoadRefused."""
    command = [str(engine_python.expanduser().absolute()), str(_SCRIPT), str(file), str(host.threads())]
    asked = json.dumps({"texts": list(question.texts), "longest": question.longest, "likeliest": question.likeliest})
    try:
        done = subprocess.run(  # the interpreter comes from the user's settings
            command,
            input=asked,
            capture_output=True,
            text=True,
            errors="replace",  # it repeats names of the file
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return "llama.cpp does not run it here"
    print(done.stderr, file=sys.stderr)
    said = done.stdout.strip().splitlines()
    if done.returncode == 0 and _LOADED in said:
        found: list[dict[str, Any]] = json.loads(said[-1])
        return found
    # What was ended from outside, or cannot have the memory, says nothing of the file.
    if done.returncode == -signal.SIGKILL or any(words in done.stderr for words in _NO_MEMORY):
        return "llama.cpp has too little memory for it here"
    if _BEGUN not in said or was_killed(done.returncode):
        return "llama.cpp does not run it here"
    crash = crash_of(done.returncode)
    if crash is None and _LOADED in said:
        return "llama.cpp does not answer what is measured"
    ended = f"it dies of {crash}" if crash is not None else "it gives no reason"
    raise LoadRefused(file.name, "llama.cpp", architecture, _reason(done.stderr) or ended)


def _reason(said: str) -> str:
    """The first error of llama.cpp's account: those after it say that something failed because of it."""
    for line in said.splitlines():
        if found := _ERROR.match(line):
            return str(found["what"] or found["held"]).strip()
    return next((line for line in said.splitlines() if line.startswith("RuntimeError: ")), "")
