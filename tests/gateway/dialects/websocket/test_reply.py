"""Pieces of a reply arrive once and in order, whatever the connection does."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.websocket.reply import Reply


def _reply() -> Reply:
    return Reply("a", asyncio.Event())


def test_neighbours_of_one_kind_and_choice_are_one_message() -> None:
    reply = _reply()
    for index, text in ((0, "a"), (0, "b"), (1, "c"), (0, "d")):
        reply.put("delta", {"index": index}, text=text)
    reply.put("done", {"finish_reasons": ["stop", "stop"]})
    messages = [reply.next_message() for _ in range(5)]
    assert messages == [
        {"type": "delta", "id": "a", "index": 0, "text": "ab", "seq": 2},
        {"type": "delta", "id": "a", "index": 1, "text": "c", "seq": 3},
        {"type": "delta", "id": "a", "index": 0, "text": "d", "seq": 4},
        {"type": "done", "id": "a", "finish_reasons": ["stop", "stop"], "seq": 5},
        None,
    ]


@settings(deadline=None)
@given(
    texts=st.lists(st.text(max_size=5), min_size=1, max_size=30),
    steps=st.lists(st.sampled_from(["put", "take", "break", "ack"]), max_size=80),
)
def test_nothing_is_lost_or_repeated_when_connections_break(texts: list[str], steps: list[str]) -> None:
    reply, arrived, seen, left = _reply(), "", 0, list(texts)

    def take(*, arrives: bool) -> None:
        nonlocal arrived, seen
        message = reply.next_message()
        if message is not None and arrives:
            arrived += message["text"]
            seen = message["seq"]

    for step in steps:
        if step == "put" and left:
            reply.put("delta", {"index": 0}, text=left.pop(0))
        elif step == "take":
            take(arrives=True)
        elif step == "ack":
            reply.acknowledge(seen)
        elif step == "break":
            take(arrives=False)
            assert reply.go_back_to(seen)
    for text in left:
        reply.put("delta", {"index": 0}, text=text)
    while reply.sent < reply.last:
        take(arrives=True)
    assert arrived == "".join(texts)


def test_one_cannot_go_back_to_what_was_acknowledged_nor_forward_to_what_is_not_there() -> None:
    reply = _reply()
    for text in "abc":
        reply.put("delta", {"index": 0}, text=text)
    reply.next_message()
    reply.acknowledge(2)
    assert not reply.go_back_to(1)
    assert not reply.go_back_to(4)
    assert reply.go_back_to(2)
    assert reply.next_message() == {"type": "delta", "id": "a", "index": 0, "text": "c", "seq": 3}


async def test_a_reader_that_does_not_read_holds_the_answer_up() -> None:
    reply = _reply()

    async def write() -> None:
        for _ in range(1000):
            await reply.add("delta", {"index": 0}, text="x" * 1024)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0)
    assert 200 < reply.last < 300, "about 256 KiB wait, not all"
    while not writing.done() or reply.sent < reply.last:
        reply.next_message()
        await asyncio.sleep(0)
    assert reply.last == 1000
    await writing


@pytest.mark.parametrize("seen", [0, 1])
async def test_an_end_has_room_however_much_waits(seen: int) -> None:
    reply = _reply()
    reply.put("delta", {"index": 0}, text="x" * 2**20)
    reply.put("done", {"images": [b"x" * 2**20]})
    assert reply.go_back_to(seen)
    assert reply.last == 2
