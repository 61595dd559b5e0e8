"""So many at once, and nobody new while draining."""

from __future__ import annotations

import asyncio

import pytest

from gateway.admission import Admission
from modelyard.errors import EngineUnavailable, Overloaded


def test_one_more_than_the_limit_is_refused_and_a_place_is_given_back() -> None:
    admission = Admission(2)
    with admission.slot():
        with admission.slot(), pytest.raises(Overloaded):
            admission.slot()
        with admission.slot():
            assert admission.in_flight == 2
    assert admission.in_flight == 0


def test_a_place_is_given_back_after_an_error() -> None:
    admission = Admission(1)
    with pytest.raises(KeyError), admission.slot():
        raise KeyError
    assert admission.in_flight == 0


async def test_draining_lets_nobody_in_and_waits_for_those_who_are_in() -> None:
    admission = Admission(5)
    slot = admission.slot()
    slot.__enter__()
    admission.drain()
    with pytest.raises(EngineUnavailable):
        admission.slot()
    waiting = asyncio.create_task(admission.wait_until_idle())
    await asyncio.sleep(0)
    assert not waiting.done()
    slot.__exit__(None, None, None)
    await waiting
