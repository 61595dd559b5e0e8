"""Which rows are computed together: none twice, none forgotten, none too many, and no request waits for ever."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backends.common.encoders.batches import Batches
from backends.common.encoders.joining import Joining
from backends.common.encoders.tokens import Row
from backends.common.failures import RequestFailed

_REQUESTS = st.lists(st.lists(st.integers(1, 600), min_size=1, max_size=40), min_size=1, max_size=8)


@given(_REQUESTS, st.integers(1, 3000))
def test_every_row_is_in_one_batch_and_no_batch_is_too_large(requests: list[list[int]], most: int) -> None:
    batches = Batches(most)
    for number, lengths in enumerate(requests):
        batches.add(number, lengths)
    seen: list[tuple[int, int]] = []
    while batch := batches.next():
        longest = batch[0].length
        assert longest == max(row.length for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= most
        assert all(row.length == requests[row.job][row.place] for row in batch)
        seen += [(row.job, row.place) for row in batch]
    assert sorted(seen) == [(job, place) for job, lengths in enumerate(requests) for place in range(len(lengths))]
    assert len(batches) == 0


@given(_REQUESTS)
def test_requests_take_turns(requests: list[list[int]]) -> None:
    batches = Batches(512)
    for number, lengths in enumerate(requests):
        batches.add(number, lengths)
    reached: set[int] = set()
    for _ in requests:
        reached |= {row.job for row in batches.next()}
    assert reached == set(range(len(requests)))


@given(_REQUESTS, st.data())
def test_rows_of_a_dropped_request_never_come(requests: list[list[int]], data: Any) -> None:
    batches = Batches(256)
    for number, lengths in enumerate(requests):
        batches.add(number, lengths)
    gone = data.draw(st.integers(0, len(requests) - 1))
    batches.next()
    batches.drop(gone)
    while batch := batches.next():
        assert gone not in {row.job for row in batch}


def test_padding_stays_below_a_third_but_for_short_texts() -> None:
    batches = Batches(4096)
    batches.add(0, [*range(1, 400), 5000])
    while batch := batches.next():
        longest = batch[0].length
        if longest > 24:
            assert all(row.length >= 0.66 * longest for row in batch)


class Results:
    """Collects how requests end."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self._changed = threading.Condition()

    def of(self, name: str) -> Any:
        def ended(outcome: Any) -> None:
            with self._changed:
                assert name not in self.found
                self.found[name] = outcome
                self._changed.notify_all()

        return ended

    def wait(self, *names: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: set(names) <= set(self.found))


def rows(*lengths: int) -> list[Row]:
    return [Row(list(range(length)), [0] * length) for length in lengths]


def lengths_of(batch: list[Row]) -> Any:
    return np.array([[len(row.ids)] for row in batch])


def test_each_request_gets_its_own_results_in_its_order() -> None:
    results = Results()
    joining = Joining(lengths_of, Batches(64), max_waiting=1000, log=print)
    joining.begin(rows(3, 60, 7, 100), results.of("one"), lambda: False)
    joining.begin(rows(8, 2), results.of("two"), lambda: False)
    results.wait("one", "two")
    assert results.found["one"][:, 0].tolist() == [3, 60, 7, 100]
    assert results.found["two"][:, 0].tolist() == [8, 2]
    joining.close()


def test_a_failure_concerns_its_batch_alone_and_a_full_queue_refuses() -> None:
    results, gate, told = Results(), threading.Event(), []

    def compute(batch: list[Row]) -> Any:
        gate.wait()
        if any(len(row.ids) == 13 for row in batch):
            raise ValueError("thirteen")
        return lengths_of(batch)

    joining = Joining(compute, Batches(8), max_waiting=4, log=told.append)
    joining.begin(rows(5), results.of("good"), lambda: False)
    joining.begin(rows(13), results.of("bad"), lambda: False)
    joining.begin(rows(6, 6), results.of("later"), lambda: False)
    try:
        joining.begin(rows(1), results.of("too much"), lambda: False)
        refused = None
    except RequestFailed as failure:
        refused = failure
    assert refused is not None
    assert (refused.code, str(refused)) == ("UNAVAILABLE", "4 texts are waiting already; try again shortly")
    gate.set()
    results.wait("good", "bad", "later")
    assert results.found["bad"].code == "INTERNAL"
    assert results.found["later"][:, 0].tolist() == [6, 6]
    assert "thirteen" in told[0]
    results.found.clear()
    joining.begin(rows(1, 1, 1, 1), results.of("after"), lambda: False)
    results.wait("after")
    joining.close()


def test_closing_refuses_what_waits_and_what_comes() -> None:
    results, gate, started = Results(), threading.Event(), threading.Event()

    def compute(batch: list[Row]) -> Any:
        started.set()
        gate.wait()
        return lengths_of(batch)

    joining = Joining(compute, Batches(8), max_waiting=100, log=print)
    joining.begin(rows(8), results.of("running"), lambda: False)
    started.wait()
    joining.begin(rows(8, 8), results.of("waiting"), lambda: False)
    closing = threading.Thread(target=joining.close)
    closing.start()
    gate.set()
    closing.join()
    assert results.found["running"][:, 0].tolist() == [8]
    assert results.found["waiting"].code == "UNAVAILABLE"


def test_a_cancelled_request_is_not_computed_to_its_end() -> None:
    results, computed = Results(), []

    def compute(batch: list[Row]) -> Any:
        computed.extend(batch)
        return lengths_of(batch)

    joining = Joining(compute, Batches(8), max_waiting=100, log=print)
    joining.begin(rows(*[8] * 50), results.of("gone"), lambda: len(computed) >= 3)
    results.wait("gone")
    assert results.found["gone"].code == "CANCELLED"
    assert len(computed) == 3
    joining.close()
