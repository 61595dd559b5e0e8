"""An exception goes in; one line, what to type next, and an exit code come out.

    0  done                                3  the source cannot be read, or its licence is not accepted
    1  anything else                       4  this machine cannot do it: memory, disk, ports, environments
    2  what was asked for is wrong         5  a conversion failed
                                           6  the engine failed
    130  interrupted

Knows the tree of errors; prints by `output` only.
"""

from __future__ import annotations

import sys
import traceback

from modelyard import errors
from modelyard.cli import output

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_CODES: tuple[tuple[type[errors.ModelyardError], int], ...] = (
    (errors.InvalidInput, 2),
    (errors.EntryNotFound, 2),
    (errors.EntryExists, 2),
    (errors.SourceUnavailable, 3),
    (errors.HostProblem, 4),
    (errors.ConversionFailed, 5),
    (errors.EngineError, 6),
)


def report(error: Exception, *, debug: bool) -> int:
    """Say what went wrong and give the exit code; the traceback only when it was asked for."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    message, hint, code = explain(error)
    output.problem(message, hint)
    return code


def interrupted() -> int:
    output.problem("interrupted")
    return INTERRUPTED


def explain(error: Exception) -> tuple[str, str, int]:
    """The sentence, the hint (may be empty) and the exit code."""
    if isinstance(error, errors.ModelyardError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), 1)
        return error.message, error.hint, code
    if (wrong_settings := _about_settings(error)) is not None:
        return wrong_settings, "", 2
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{where}", "", 4
    return f"unexpected {type(error).__name__}: {error}", "this is a bug; --debug shows where it happened", 1


def _about_settings(error: Exception) -> str | None:
    """One sentence of a refusal by pydantic-settings, with the variable's name."""
    if "pydantic_core" in sys.modules or "pydantic" in sys.modules:
        from pydantic import ValidationError
        from pydantic_settings import SettingsError

        if isinstance(error, SettingsError):
            return f"the settings cannot be read: {error}"
        if isinstance(error, ValidationError):
            wrong = [
                f"MODELYARD_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
                for item in error.errors(include_url=False)
            ]
            return f"a setting is wrong: {'; '.join(wrong)}"
    return None
