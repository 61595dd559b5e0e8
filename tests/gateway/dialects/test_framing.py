"""Streams: an error before the first frame is a status, after it the last frame; a client that goes ends the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.collecting import collect, interleave
from gateway.dialects.framing import (
    EVENT_STREAM,
    NDJSON,
    ClientGone,
    StreamedAnswer,
    ndjson,
    sse,
    while_connected,
)
from gateway.domain.generation import Event, Finished, TextDelta, Usage
from modelyard.errors import EngineError, GenerationBroken

Receive = Callable[[], Awaitable[Any]]


@given(st.text())
def test_one_payload_is_one_frame_whatever_is_in_it(text: str) -> None:
    frame = sse({"text": text})
    assert frame.startswith(b"data: ")
    assert frame.endswith(b"\n\n")
    assert b"\n" not in frame[:-2]
    assert orjson.loads(frame[6:]) == {"text": text}
    assert ndjson({"text": text}).count(b"\n") == 1


async def _forever() -> Any:
    await asyncio.Event().wait()


async def _gone() -> Any:
    return {"type": "http.disconnect"}


async def _run(
    frames: AsyncGenerator[bytes, None], receive: Receive = _forever, media_type: str = EVENT_STREAM
) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    answer = StreamedAnswer(frames, media_type, lambda error: b"sorry")
    await answer({"type": "http"}, receive, send)
    return sent


async def test_frames_come_one_by_one_and_end() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"a"
        yield b"b"

    start, *bodies = await _run(frames())
    assert start["status"] == 200
    assert not any(name == b"content-length" for name, _ in start["headers"])
    assert [body["body"] for body in bodies] == [b"a", b"b", b""]
    assert [body["more_body"] for body in bodies] == [True, True, False]


@settings(deadline=None, max_examples=40)
@given(
    said=st.lists(st.tuples(st.text(), st.integers(0, 3)), min_size=1, max_size=5),
    form=st.sampled_from([(EVENT_STREAM, sse), (NDJSON, ndjson)]),
    breaks=st.booleans(),
)
async def test_the_bytes_are_the_same_whatever_time_each_takes(
    said: list[tuple[str, int]], form: tuple[str, Callable[[object], bytes]], breaks: bool
) -> None:
    media_type, framed = form
    beat = 0.001  # seconds, so that some come between

    async def frames() -> AsyncGenerator[bytes, None]:
        for text, pause in said:
            await asyncio.sleep(pause * beat)
            yield framed({"text": text})
        if breaks:
            raise EngineError("no")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.dialects.framing._BEAT_S", beat)
        _, *bodies = await _run(frames(), media_type=media_type)
    alive = {EVENT_STREAM: b": still working\n\n", NDJSON: b" "}[media_type]
    whole = [framed({"text": text}) for text, _ in said] + ([b"sorry"] if breaks else [])
    assert [body["body"] for body in bodies if body["body"] != alive] == [*whole, b""]


async def test_an_error_before_the_first_frame_is_raised() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        raise EngineError("no")
        yield b""

    with pytest.raises(EngineError):
        await _run(frames())


async def test_an_error_after_the_first_frame_is_the_last_frame() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise EngineError("no")

    _, *bodies = await _run(frames())
    assert [body["body"] for body in bodies] == [b"a", b"sorry", b""]


async def test_a_client_that_is_gone_ends_the_work() -> None:
    ended = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            ended.set()

    with pytest.raises(ClientGone):
        await _run(frames(), _gone_soon())
    assert ended.is_set()


def _gone_soon() -> Receive:
    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    return receive


async def test_work_gives_its_result_or_its_error_while_the_client_is_there() -> None:
    async def good() -> int:
        return 3

    async def bad() -> int:
        raise KeyError("x")

    assert await while_connected(_forever, good()) == 3
    with pytest.raises(KeyError):
        await while_connected(_forever, bad())


async def test_silence_is_broken_by_something_that_clients_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.dialects.framing._BEAT_S", 0.01)

    async def frames() -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(0.1)
        yield b"a"

    start, *bodies = await _run(frames())
    assert start["status"] == 200
    assert bodies[0]["body"].startswith(b":")
    assert b"a" in [body["body"] for body in bodies]
    assert StreamedAnswer(frames(), NDJSON, lambda error: b"")._beat == b" "


async def _events(*texts: str, error: Exception | None = None) -> AsyncGenerator[Event, None]:
    for text in texts:
        await asyncio.sleep(0)
        yield TextDelta(text)
    if error is not None:
        raise error
    yield Finished(("stop",), Usage(1, len(texts)))


async def test_collected_events_are_the_whole_answer() -> None:
    whole = await collect(_events("a", "b"))
    assert whole.sequences[0].text == "ab"
    assert whole.finished.usage == Usage(1, 2)


async def test_events_without_an_end_are_a_broken_answer() -> None:
    async def unfinished() -> AsyncGenerator[Event, None]:
        yield TextDelta("a")

    with pytest.raises(GenerationBroken):
        await collect(unfinished())


async def test_interleaved_answers_keep_their_order_and_their_numbers() -> None:
    texts: dict[int, str] = {0: "", 1: "", 2: ""}
    ends = 0
    async for number, event in interleave([_events("a", "b"), _events(), _events("c", "d", "e")]):
        if isinstance(event, TextDelta):
            texts[number] += event.text
        else:
            ends += 1
    assert texts == {0: "ab", 1: "", 2: "cde"}
    assert ends == 3


async def test_the_first_error_ends_all_interleaved_answers() -> None:
    with pytest.raises(EngineError):
        async for _ in interleave([_events(*"abcdefgh"), _events("x", error=EngineError("no"))]):
            pass
