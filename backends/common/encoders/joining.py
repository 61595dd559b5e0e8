"""Requests that wait are computed together: one thread takes batches of their rows and hands results back.

A request is answered when its last row is done, whatever became of its neighbours. Knows rows, results and the queue;
does not know Triton, the network or what is asked of it.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..failures import RequestFailed, cancelled, unloading
from .batches import Batches, Waiting
from .tokens import Row

# A request's end: the result of each of its rows, or why there is none.
Ended = Callable[["Any | RequestFailed"], None]


@dataclass
class _Job:
    rows: Sequence[Row]
    ended: Ended
    is_cancelled: Callable[[], bool]
    results: dict[int, Any] = field(default_factory=dict)


class Joining:
    """`compute` gives an array with a line for each row; `log` gets a sentence when it fails."""

    def __init__(
        self, compute: Callable[[list[Row]], Any], batches: Batches, *, max_waiting: int, log: Callable[[str], None]
    ) -> None:
        self._compute = compute
        self._batches = batches
        self._max_waiting = max_waiting
        self._log = log
        self._arrived: collections.deque[_Job] = collections.deque()
        self._waiting = 0  # rows that are not computed yet
        self._changed = threading.Condition()
        self._closing = False
        self._jobs: dict[int, _Job] = {}
        self._last = 0
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    def begin(self, rows: Sequence[Row], ended: Ended, is_cancelled: Callable[[], bool]) -> None:
        """Take a request on; `ended` is called once, by another thread. Raises RequestFailed where there is no room."""
        with self._changed:
            if self._closing:
                raise unloading()
            if self._waiting and self._waiting + len(rows) > self._max_waiting:
                raise RequestFailed("UNAVAILABLE", f"{self._waiting} texts are waiting already; try again shortly")
            self._waiting += len(rows)
            self._arrived.append(_Job(rows, ended, is_cancelled))
            self._changed.notify()

    def close(self) -> None:
        """Finish the batch under way and refuse what still waits."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._arrived or self._jobs or self._closing):
                    self._changed.wait()
                arrived = list(self._arrived)
                self._arrived.clear()
                closing = self._closing
            for job in arrived:
                self._last += 1
                self._jobs[self._last] = job
                self._batches.add(self._last, [len(row.ids) for row in job.rows])
            if closing:
                for number in list(self._jobs):
                    self._end(number, unloading())
                return
            if batch := self._batches.next():
                self._step(batch)

    def _step(self, batch: list[Waiting]) -> None:
        # Asking costs a message to Triton each time, so it is done where more than this batch would be saved.
        long = {row.job for row in batch if len(self._jobs[row.job].rows) > len(batch)}
        gone = {number for number in long if self._jobs[number].is_cancelled()}
        for number in gone:
            self._end(number, cancelled())
        batch = [row for row in batch if row.job not in gone]
        if not batch:
            return
        try:
            results = self._compute([self._jobs[row.job].rows[row.place] for row in batch])
        except Exception as error:  # whatever the engine raises concerns this batch's requests, not those behind it
            self._log(f"a batch of {len(batch)} texts could not be computed: {error!r}")
            failure = RequestFailed("INTERNAL", "the engine could not compute this request")
            for number in {row.job for row in batch}:
                self._end(number, failure)
            return
        with self._changed:
            self._waiting -= len(batch)
        for row, result in zip(batch, results, strict=True):
            job = self._jobs[row.job]
            job.results[row.place] = result
            if len(job.results) == len(job.rows):
                self._end(row.job, np.stack([job.results[place] for place in range(len(job.rows))]))

    def _end(self, number: int, outcome: Any) -> None:
        job = self._jobs.pop(number)
        self._batches.drop(number)
        if isinstance(outcome, RequestFailed):
            with self._changed:
                self._waiting -= len(job.rows) - len(job.results)
        job.ended(outcome)
