"""Why a tritonserver ended while it was starting, read from its last words.

Knows Triton's sentences; does not know processes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelyard.engine.log_lines import parse
from modelyard.engine.ports import LOOPBACK
from modelyard.errors import EngineUnavailable, ModelyardError, PortTaken

_LOST_PORT = re.compile(r"(\d+)' already in use|127\.0\.0\.1:(\d+)(?=.*(?:in use|[Bb]ind))")


class TritonPortTaken(PortTaken):
    """A port of the embedded Triton; the hint of the gateway's own port would be wrong here."""

    def __init__(self, port: int) -> None:
        super().__init__(LOOPBACK, port)
        self.port = port
        self.hint = "stop that program, or leave the ports of Triton at 0 so that free ones are taken"


def why_it_ended(last_lines: Iterable[str], returncode: int | None) -> ModelyardError:
    """TritonPortTaken where a port was lost to another program, else EngineUnavailable with Triton's last complaint."""
    lines = list(last_lines)
    for line in lines:
        if lost := _LOST_PORT.search(line):
            return TritonPortTaken(int(lost[1] or lost[2]))
    complaints = [line for line in lines if parse(line).severity == "error" or line.startswith("error")]
    last = parse((complaints or lines or ["it said nothing"])[-1]).text
    return EngineUnavailable(f"Triton ended with code {returncode} while it was starting: {last}")
