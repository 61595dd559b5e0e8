"""Ctrl-C and SIGTERM during a long piece of work: out by an exception, so that everything begun is cleared away.

Knows signals; does not know the work.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType


class StopRequest:
    """Raised where the signal finds the program, and again by `heed`.

    Once is not enough: an exporter's callback from C++ may swallow the exception, and the work would go on to its end.
    """

    def __init__(self) -> None:
        self._asked: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as in the background, where Ctrl-C is not for us
                signal.signal(number, self._take)

    def heed(self) -> None:
        """Raise KeyboardInterrupt or SystemExit when a stop was asked for; call it between steps."""
        if self._asked == signal.SIGINT:
            raise KeyboardInterrupt
        if self._asked is not None:
            sys.exit(128 + self._asked)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        self._asked = number
        self.heed()
