"""A command on a terminal of its own, typed at and read as a person does; decides nothing about what is right."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

CTRL_C, CTRL_D, ENTER, ALT_ENTER = "\x03", "\x04", "\r", "\x1b\r"
_ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][0-9A-B]|[=>78])")


def _at_the_terminal() -> None:
    """What a shell does for a program in the foreground."""
    # The terminal is this process group's, so that its Ctrl-C is a signal for it.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Whoever runs the tests in the background has Ctrl-C ignored, and a child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Terminal:
    """`shown` is all that has appeared, without colours and movements of the cursor."""

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], size: tuple[int, int] = (40, 100)):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self._raw = b""
        self._seen = 0
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            # Nobody here answers when it is asked where the cursor is.
            env={**env, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": str(size[1])},
            start_new_session=True,
            preexec_fn=_at_the_terminal,
        )
        os.close(slave)

    @property
    def raw(self) -> bytes:
        return self._raw

    @property
    def shown(self) -> str:
        return _ESCAPES.sub(b"", self._raw).decode(errors="replace").replace("\r", "")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def line(self, text: str) -> None:
        """Type it and press Enter, when the prompt is there."""
        self.type(text)
        self.type(ENTER)

    def expect(self, text: str, timeout_s: float = 60.0) -> str:
        """Wait until the text appears after what was expected before; gives what came until then."""
        deadline = time.monotonic() + timeout_s
        while (at := self.shown.find(text, self._seen)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} did not appear in:\n{self.shown[self._seen :]}")
        before = self.shown[self._seen : at]
        self._seen = at + len(text)
        return before

    def wait(self, timeout_s: float = 60.0) -> int:
        """Until the program has ended; its exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(deadline):
            pass
        return self.process.wait(max(1.0, deadline - time.monotonic()))

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        """Some more of the output; False at its end and when time is up."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._master], [], [], left)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self._raw += data
        return bool(data)
