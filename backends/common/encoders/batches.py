"""Which of the waiting rows go through the network together.

Rows of like length are computed together, since a batch is padded to its longest. Requests take turns: each batch
begins with the longest row of the request whose turn it is, so that a long request holds a short one up by one batch.
Knows lengths; does not know tokens.
"""

from __future__ import annotations

import bisect
import collections
from collections.abc import Iterable
from dataclasses import dataclass

# Shorter rows than this share of the longest would be mostly padding.
_LIKE = 0.7
# Up to this many tokens a row is so cheap that padding costs less than a batch more.
_SHORT = 24


@dataclass(frozen=True, order=True)
class Waiting:
    """A row that waits: `job` is its request, `place` its number there. Ordered by length."""

    length: int
    job: int
    place: int


class Batches:
    """The rows that wait. One thread's."""

    def __init__(self, max_tokens: int, *, one_at_a_time: bool = False) -> None:
        self._max_tokens = max_tokens
        self._one_at_a_time = one_at_a_time
        self._rows: list[Waiting] = []
        self._turns: collections.deque[int] = collections.deque()
        self._left: dict[int, list[Waiting]] = {}

    def add(self, job: int, lengths: Iterable[int]) -> None:
        """Rows of a new request."""
        rows = sorted(Waiting(length, job, place) for place, length in enumerate(lengths))
        if rows:
            self._left[job] = rows
            self._turns.append(job)
            self._rows = sorted([*self._rows, *rows])

    def drop(self, job: int) -> None:
        """Rows of a request that nobody waits for any more."""
        if self._left.pop(job, None) is not None:
            self._turns.remove(job)
            self._rows = [row for row in self._rows if row.job != job]

    def __len__(self) -> int:
        return len(self._rows)

    def next(self) -> list[Waiting]:
        """The next batch, longest first; empty when nothing waits."""
        if not self._turns:
            return []
        first = self._left[self._turns[0]][-1]
        self._turns.rotate(-1)
        fitting = 1 if self._one_at_a_time else max(1, self._max_tokens // first.length)
        end = bisect.bisect_left(self._rows, first) + 1
        shortest = 0 if first.length <= _SHORT else int(first.length * _LIKE)
        begin = max(end - fitting, bisect.bisect_left(self._rows, Waiting(shortest, -1, -1)))
        batch = self._rows[begin:end]
        del self._rows[begin:end]
        for row in batch:
            left = self._left[row.job]
            del left[bisect.bisect_left(left, row)]
            if not left:
                del self._left[row.job]
                self._turns.remove(row.job)
        return batch[::-1]
