"""What a session keeps of its replies, for how long, and when it lets go; its windows are closed by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.dialects.websocket.reply import Reply
from gateway.dialects.websocket.sessions import Session, Work
from modelyard.errors import Overloaded

MIB = 2**20


class Opened:
    """A window that closes when the test says so."""

    def __init__(self, closes: Callable[[], None]) -> None:
        self.closes = closes
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Windows:
    def __init__(self) -> None:
        self._opened: list[Opened] = []

    def __call__(self, closes: Callable[[], None]) -> Opened:
        self._opened.append(Opened(closes))
        return self._opened[-1]

    def close_all(self) -> None:
        """Those that are open now."""
        opened, self._opened = self._opened, []
        for each in opened:
            if not each.cancelled:
                each.closes()


def _one_connection() -> None:
    """What would end it."""


def _another_connection() -> None:
    """What would end it."""


def _session(windows: Windows, **limits: Any) -> tuple[Session, list[Session]]:
    given_up: list[Session] = []
    return Session(given_up.append, windows=windows, **limits), given_up


def _says(*texts: str, images: tuple[bytes, ...] = ()) -> Work:
    async def work(reply: Reply) -> None:
        for text in texts:
            await reply.add("delta", {"index": 0}, text=text)
        reply.end("done", {"images": list(images)})

    return work


async def _run(session: Session, key: str, work: Work) -> None:
    session.start(key, work)
    await _idle(session)


async def _idle(session: Session) -> None:
    await asyncio.gather(*session._work.values(), return_exceptions=True)


def _all_of(session: Session) -> list[dict[str, Any]]:
    """What a connection would be handed."""
    messages = []
    for reply in list(session.replies.values()):
        while (message := reply.next_message()) is not None:
            messages.append(message)
    return messages


async def test_what_was_handed_to_a_dead_connection_is_kept_until_its_client_may_have_come_back() -> None:
    windows = Windows()
    session, given_up = _session(windows)
    session.attach({}, _one_connection)
    await _run(session, "a", _says("all of it"))
    first = _all_of(session)
    # The cable was pulled before any of it arrived, which is noticed only now.
    session.detach(_one_connection)
    handed_out = session.replies["a"]
    assert session.attach({"a": 0}, _another_connection) == []
    assert _all_of(session) == first
    # That connection breaks too, and again some time goes by before it is noticed.
    session.detach(_another_connection)
    assert session.replies["a"] is handed_out
    assert session.attach({}, _one_connection) == []
    assert _all_of(session) == first
    windows.close_all()
    assert not given_up
    assert session.replies == {}


async def test_the_window_of_a_finished_reply_does_not_close_while_nobody_is_connected() -> None:
    windows = Windows()
    session, given_up = _session(windows)
    session.attach({}, _one_connection)
    await _run(session, "a", _says("all of it"))
    first = _all_of(session)
    at_its_end = list(windows._opened)
    session.detach(_one_connection)
    await _run(session, "b", _says("meanwhile"))
    assert all(window.cancelled for window in at_its_end)
    assert session.attach({}, _another_connection) == []
    assert [message["text"] for message in _all_of(session) if "text" in message] == ["all of it", "meanwhile"]
    assert first[0]["text"] == "all of it"
    session.detach(_another_connection)
    windows.close_all()
    assert given_up == [session]


async def test_what_a_slow_reader_has_not_had_is_kept_for_it() -> None:
    windows = Windows()
    session, _ = _session(windows)
    session.attach({}, _one_connection)
    await _run(session, "a", _says("all of it"))
    windows.close_all()
    assert [message["type"] for message in _all_of(session)] == ["delta", "done"]
    windows.close_all()
    assert session.replies == {}


async def test_finished_replies_beyond_the_bound_are_forgotten_the_oldest_first() -> None:
    session, _ = _session(Windows(), most_bytes=3 * MIB)
    session.attach({}, _one_connection)
    for key in "abcd":
        await _run(session, key, _says(images=(bytes(MIB),)))
        assert [message["type"] for message in _all_of(session)] == ["done"]
    session.detach(_one_connection)
    assert session.attach({}, _another_connection) == ["a", "b"], "two and what holds them together"
    assert [message["id"] for message in _all_of(session)] == ["c", "d"]


async def test_who_has_seen_what_is_forgotten_has_lost_nothing() -> None:
    session, _ = _session(Windows(), most_bytes=MIB)
    session.attach({}, _one_connection)
    for key in "ab":
        await _run(session, key, _says(images=(bytes(MIB),)))
        _all_of(session)
    assert session.attach({"a": 1, "b": 1}, _another_connection) == []
    assert _all_of(session) == []


async def test_pieces_that_a_running_answer_has_sent_count_too() -> None:
    session, _ = _session(Windows(), most_bytes=MIB)
    session.attach({}, _one_connection)
    goes_on = asyncio.Event()

    async def work(reply: Reply) -> None:
        for _ in range(4096):
            await reply.add("delta", {"index": 0}, text="x" * 1024)
        await goes_on.wait()
        reply.end("done", {})

    session.start("a", work)
    said = 0
    while said < 4096 * 1024:
        said += sum(len(message["text"]) for message in _all_of(session))
        assert session._bytes < 2 * MIB
        await asyncio.sleep(0)
    goes_on.set()
    assert session.attach({"a": 1}, _another_connection) == ["a"]
    await session.close()


async def test_what_nobody_reads_ends_with_an_error_when_there_is_no_room_for_it() -> None:
    session, _ = _session(Windows(), most_bytes=2 * MIB)
    session.attach({}, _one_connection)
    for key in "abcd":
        await _run(session, key, _says("hm", images=(bytes(MIB),)))
        assert session._bytes < 3 * MIB
    messages = _all_of(session)
    ends = {message["id"]: message["type"] for message in messages if message["type"] != "delta"}
    assert ends == {"a": "error", "b": "error", "c": "error", "d": "done"}
    (refused,) = (message for message in messages if message["id"] == "a")
    assert (refused["error"]["code"], refused["seq"]) == ("not_kept", 3)


async def test_acknowledged_pictures_take_no_room() -> None:
    session, _ = _session(Windows(), most_bytes=2 * MIB)
    session.attach({}, _one_connection)
    for key in "abcd":
        await _run(session, key, _says(images=(bytes(MIB),)))
        (message,) = _all_of(session)
        session.replies[key].acknowledge(message["seq"])
    assert session._bytes == 0


async def test_a_session_has_a_largest_number_of_replies() -> None:
    session, _ = _session(Windows())
    session.attach({}, _one_connection)
    for number in range(1024):
        await _run(session, str(number), _says())
    with pytest.raises(Overloaded):
        session.start("one more", _says())
    _all_of(session)
    await _run(session, "one more", _says())
    assert len(session.replies) == 1024
    assert "0" not in session.replies


async def test_a_request_that_is_cancelled_before_it_begins_has_its_end() -> None:
    session, _ = _session(Windows())
    session.attach({}, _one_connection)
    session.start("a", _says("never"))
    assert session.cancel("a")
    await _idle(session)
    assert _all_of(session) == [{"type": "done", "id": "a", "finish_reasons": ["cancelled"], "seq": 1}]


async def test_a_reply_has_one_end() -> None:
    session, _ = _session(Windows())

    async def work(reply: Reply) -> None:
        reply.end("done", {"finish_reasons": ["stop"]})
        await asyncio.Event().wait()

    session.start("a", work)
    await asyncio.sleep(0)
    session.cancel("a")
    await _idle(session)
    assert [message["finish_reasons"] for message in _all_of(session)] == [["stop"]]
