"""One connection, many requests, over a real Triton with parrots: as a client of the `websockets` library sees it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.gateway.running import Gateway, Triton, serving

WS = "GET /ws"


@asynccontextmanager
async def _connected(gateway: Gateway, **options: Any) -> AsyncIterator[ClientConnection]:
    address = gateway.url.replace("http", "ws") + "/ws"
    async with websockets.connect(address, proxy=None, **options) as connection:
        yield connection


def _chat(key: str, order: str, **body: Any) -> dict[str, Any]:
    return {
        "type": "chat",
        "id": key,
        "body": {"model": "parrot", "messages": [{"role": "user", "content": order}], **body},
    }


async def _send(connection: ClientConnection, message: dict[str, Any], *, binary: bool = False) -> None:
    await connection.send(msgpack.packb(message) if binary else json.dumps(message))


async def _receive(connection: ClientConnection) -> dict[str, Any]:
    frame = await asyncio.wait_for(connection.recv(), 60)
    message: dict[str, Any] = msgpack.unpackb(frame) if isinstance(frame, bytes) else json.loads(frame)
    return message


async def _until(connection: ClientConnection, ends: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    messages = [await _receive(connection)]
    while not ends(messages[-1]):
        messages.append(await _receive(connection))
    return messages


def _ends(key: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message["type"] in ("done", "error") and message.get("id") == key


def _text(messages: list[dict[str, Any]], key: str) -> str:
    return "".join(each["text"] for each in messages if each["type"] == "delta" and each["id"] == key)


@pytest.mark.proves(WS, "", "honoured")
@pytest.mark.proves(WS, "chat", "honoured")
@pytest.mark.parametrize("binary", [False, True])
async def test_an_answer_in_pieces(gateway: Gateway, binary: bool) -> None:
    async with _connected(gateway) as connection:
        await _send(connection, _chat("a", "say=script chunk=2 <<<größe 日本>>>"), binary=binary)
        messages = await _until(connection, _ends("a"))
    assert messages[0]["type"] == "hello"
    assert _text(messages, "a") == "größe 日本"
    assert messages[-1]["finish_reasons"] == ["stop"]
    assert messages[-1]["usage"]["completion_tokens"] == 8
    assert messages[-1]["seq"] == 5


async def test_many_requests_at_once_do_not_mix(gateway: Gateway) -> None:
    async with _connected(gateway) as connection:
        wanted = {f"r{number}": f"answer number {number} " * 5 for number in range(20)}
        for key, text in wanted.items():
            await _send(connection, _chat(key, f"say=script delay=0.001 <<<{text}>>>", max_tokens=400))
        messages: list[dict[str, Any]] = []
        while sum(message["type"] == "done" for message in messages) < len(wanted):
            messages.append(await _receive(connection))
    assert {key: _text(messages, key) for key in wanted} == wanted
    first_end = next(place for place, message in enumerate(messages) if message["type"] == "done")
    assert len({message.get("id") for message in messages[:first_end]}) > 10, "they take turns"


@pytest.mark.proves(WS, "ping", "honoured")
@pytest.mark.proves(WS, "cancel", "honoured")
async def test_cancel_and_ping_while_an_answer_comes(gateway: Gateway, triton: Triton) -> None:
    cancelled = triton.outcomes("cancelled")
    async with _connected(gateway) as connection:
        await _send(connection, _chat("a", "words=2000 delay=0.05", max_tokens=3000))
        await _until(connection, lambda message: message["type"] == "delta")
        await _send(connection, {"type": "ping", "data": 7})
        await _until(connection, lambda message: message == {"type": "pong", "data": 7})
        await _send(connection, {"type": "cancel", "id": "a"})
        assert (await _until(connection, _ends("a")))[-1]["finish_reasons"] == ["cancelled"]
        await _send(connection, {"type": "cancel", "id": "nobody"})
        assert (await _receive(connection))["error"]["status"] == 400
    for _ in range(200):
        if triton.outcomes("cancelled") > cancelled:
            break
        await asyncio.sleep(0.05)
    assert triton.outcomes("cancelled") == cancelled + 1


@pytest.mark.proves(WS, "resume", "honoured")
@pytest.mark.proves(WS, "ack", "honoured")
@pytest.mark.parametrize("acknowledges", [False, True])
async def test_a_broken_connection_loses_and_repeats_nothing(gateway: Gateway, acknowledges: bool) -> None:
    wanted = "".join(f"{number} " for number in range(300))
    order = f"say=script delay=0.002 chunk=3 <<<{wanted}>>>"
    got, seen, session = "", 0, ""
    for attempt in range(40):
        async with _connected(gateway) as connection:
            if attempt == 0:
                await _send(connection, _chat("a", order, max_tokens=4000))
            else:
                await _send(connection, {"type": "resume", "session": session, "seen": {"a": seen}})
            for _ in range(12):
                message = await _receive(connection)
                if message["type"] == "hello":
                    session = message["session"]
                    assert not message.get("lost")
                elif message["type"] == "delta":
                    got, seen = got + message["text"], message["seq"]
                    if acknowledges:
                        await _send(connection, {"type": "ack", "id": "a", "seq": seen})
                else:
                    assert message["type"] == "done"
                    assert got == wanted
                    assert attempt > 0
                    return
            connection.transport.abort()  # no goodbye, as when a cable is pulled
    raise AssertionError("the answer did not come to its end")


async def test_a_finished_answer_can_be_had_again_by_another_connection_which_takes_over(gateway: Gateway) -> None:
    async with _connected(gateway) as first:
        await _send(first, _chat("a", "words=3"))
        messages = await _until(first, _ends("a"))
        async with _connected(gateway) as second:
            await _send(second, {"type": "resume", "session": messages[0]["session"], "seen": {"b": 4}})
            again = await _until(second, _ends("a"))
            assert again[0]["lost"] == ["b"]
            assert _text(again, "a") == _text(messages, "a")
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(first.recv(), 30)
            assert first.close_code == 4409


async def test_a_session_that_is_not_there(gateway: Gateway) -> None:
    async with _connected(gateway) as connection:
        await _send(connection, {"type": "resume", "session": "nobody"})
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(connection.recv(), 30)
        assert connection.close_code == 4404


@pytest.mark.proves(WS, "id", "honoured")
@pytest.mark.proves(WS, "body", "honoured")
@pytest.mark.proves(WS, "body.stream_options", "refused")
@pytest.mark.proves(WS, "body.response_format (of pictures)", "refused")
@pytest.mark.parametrize(
    ("message", "status", "param"),
    [
        ({"type": "sing"}, 400, None),
        ({"type": "chat", "id": "", "body": {}}, 400, "id"),
        ({"type": "chat", "id": "a"}, 400, "body"),
        (_chat("a", "x", model="nobody"), 404, "model"),
        (_chat("a", "x", temperature="hot"), 400, "temperature"),
        (_chat("a", "x", nonsense=1), 400, "nonsense"),
        (_chat("a", "x", stream_options={"include_usage": True}), 400, "stream_options"),
        (_chat("a", "raise=INTERNAL"), 500, None),
        ({"type": "image", "id": "a", "body": {"prompt": "x", "response_format": "url"}}, 400, "response_format"),
        ({"type": "image", "id": "a", "body": {"prompt": "x", "model": "parrot"}}, 400, "model"),
        ({"type": "resume", "session": "late"}, 400, "type"),
    ],
)
async def test_what_is_wrong_is_said_and_the_connection_goes_on(
    gateway: Gateway, message: dict[str, Any], status: int, param: str | None
) -> None:
    async with _connected(gateway) as connection:
        await _send(connection, {"type": "ping"})
        await _until(connection, lambda each: each["type"] == "pong")
        await _send(connection, message)
        refusal = await _receive(connection)
        assert refusal["type"] == "error"
        assert refusal["error"]["status"] == status
        if param is not None:
            assert refusal["error"]["param"] == param
        await _send(connection, _chat("next", "words=1"))
        assert (await _until(connection, _ends("next")))[-1]["type"] == "done"


async def test_an_id_is_used_once(gateway: Gateway) -> None:
    async with _connected(gateway) as connection:
        await _send(connection, _chat("a", "words=50 delay=0.01", max_tokens=60))
        await _send(connection, _chat("a", "words=1"))
        refusal = (await _until(connection, lambda each: each["type"] == "error"))[-1]
        assert "seq" not in refusal
        assert refusal["error"]["param"] == "id"
        # Its session outlives the connection, and other tests count the answers of this Triton.
        await _until(connection, lambda each: each["type"] == "done")


@pytest.mark.parametrize("frame", ["{", "[]", b"\xc1", b"\x93\x01\x02\x03", '{"a":' + "[" * 5000])
@pytest.mark.parametrize("first", [True, False])
async def test_a_frame_that_is_no_message_ends_the_connection(gateway: Gateway, frame: Any, first: bool) -> None:
    async with _connected(gateway) as connection:
        if not first:
            await _send(connection, {"type": "ping"})
            await _until(connection, lambda each: each["type"] == "pong")
        await connection.send(frame)
        await asyncio.wait_for(connection.wait_closed(), 30)
        assert connection.close_code == 1007


async def test_a_client_that_does_not_read_holds_up_its_own_answer_only(gateway: Gateway, triton: Triton) -> None:
    finished = triton.outcomes("finished")
    size = 3 * 2**20
    async with _connected(gateway, max_queue=1, max_size=None) as slow, _connected(gateway) as other:
        await _send(slow, _chat("a", f"say=script chunk=4096 <<<{'x' * size}>>>", max_tokens=2 * size))
        await asyncio.sleep(0.5)
        await _send(other, _chat("b", "words=3"))
        await _until(other, _ends("b"))
        # The other one's, which is counted just after it has ended; the slow one's waits for its reader.
        limit = time.monotonic() + 30
        while triton.outcomes("finished") == finished and time.monotonic() < limit:  # noqa: ASYNC110 - Triton sends no event
            await asyncio.sleep(0.02)
        assert triton.outcomes("finished") == finished + 1
        messages = await _until(slow, _ends("a"))
    assert len(_text(messages, "a")) == size


@pytest.mark.parametrize("offers_it", [True, False])
async def test_a_page_has_the_key_in_a_subprotocol(triton: Triton, offers_it: bool) -> None:
    coded = base64.urlsafe_b64encode(b"geheim").decode().rstrip("=")
    with serving([triton.url], api_key="geheim") as gateway:
        options: dict[str, Any] = {"subprotocols": ["modelyard.v1", *([f"bearer.{coded}"] if offers_it else [])]}
        if offers_it:
            async with _connected(gateway, origin="https://my.example", **options) as connection:
                assert connection.subprotocol == "modelyard.v1"
                await _send(connection, _chat("a", "words=1"))
                assert (await _until(connection, _ends("a")))[-1]["type"] == "done"
        else:
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with _connected(gateway, **options):
                    pass
            assert refused.value.response.status_code == 401


async def test_a_foreign_page_does_not_come_in_without_a_key(gateway: Gateway) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with _connected(gateway, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_sessions_are_bounded(triton: Triton) -> None:
    with serving([triton.url], websocket_sessions=1) as gateway:
        async with _connected(gateway) as first:
            await _send(first, {"type": "ping"})
            await _until(first, lambda each: each["type"] == "pong")
            async with _connected(gateway) as second:
                await _send(second, {"type": "ping"})
                with pytest.raises(websockets.ConnectionClosed):
                    await asyncio.wait_for(second.recv(), 30)
                assert second.close_code == 1013
