"""Fields of a chat over /ws: what they ask for comes, and what is refused behind them has their names."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gateway.dialects.websocket.test_connection import _chat, _connected, _ends, _receive, _send, _text, _until
from tests.gateway.running import Gateway, Triton, add_parrot, serving

_THINKS = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}"
    "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}"
)


@pytest.fixture(scope="module", autouse=True)
def _thinker(repository: Path) -> None:
    add_parrot(repository, "muses", CHAT_TEMPLATE=json.dumps(_THINKS)[1:-1])


@pytest.mark.parametrize("binary", [False, True])
async def test_probabilities_come_with_the_text(gateway: Gateway, binary: bool) -> None:
    async with _connected(gateway) as connection:
        asked = _chat("a", "say=script chunk=2 <<<aaaa>>>", logprobs=True, top_logprobs=2)
        await _send(connection, asked, binary=binary)
        deltas = [each for each in await _until(connection, _ends("a")) if each["type"] == "delta"]
    assert "".join(each["text"] for each in deltas) == "aaaa"
    figures = [figure for each in deltas for figure in each["logprobs"]]
    assert [figure["token"] for figure in figures] == list("aaaa")
    assert all(figure["logprob"] <= 0 and figure["bytes"] == [97] for figure in figures)
    assert [len(figure["top_logprobs"]) for figure in figures] == [2, 2, 2, 2]


@pytest.mark.parametrize("shown", [True, False])
async def test_thoughts_can_be_left_out(gateway: Gateway, shown: bool) -> None:
    async with _connected(gateway) as connection:
        order = "say=script <<<<think>hm, well</think>yes>>>"
        await _send(connection, _chat("a", order, model="muses", include_reasoning=shown, max_tokens=200))
        messages = await _until(connection, _ends("a"))
    thought = "".join(each["text"] for each in messages if each["type"] == "reasoning")
    assert thought == ("hm, well" if shown else "")
    assert _text(messages, "a").strip() == "yes"


@pytest.mark.parametrize(
    ("ours", "given", "theirs"),
    [
        ("structured_outputs", {"response_format": {"type": "json_object"}}, "response_format"),
        ("structured_outputs", {"guided_regex": "a+"}, "guided_regex"),
        ("logprobs", {"logprobs": True, "top_logprobs": 1}, "top_logprobs"),
        ("max_tokens", {"max_completion_tokens": 9}, "max_completion_tokens"),
    ],
)
async def test_a_refusal_has_the_name_that_was_sent(
    gateway: Gateway, ours: str, given: dict[str, Any], theirs: str
) -> None:
    async with _connected(gateway) as connection:
        await _send(connection, _chat("a", f"refuse={ours}", **given))
        error = (await _until(connection, _ends("a")))[-1]["error"]
    assert (error["status"], error["param"]) == (400, theirs)
    assert error["message"].startswith(f"'{theirs}' cannot be honoured")


@asynccontextmanager
async def _slow_host(asked: asyncio.Event, may_answer: asyncio.Event) -> AsyncIterator[int]:
    """A host of a picture, which sends it when it may."""
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(picture, "PNG")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await may_answer.wait()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {picture.tell()}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + picture.getvalue())
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        may_answer.set()


async def test_a_picture_that_does_not_come_holds_up_nothing_else(triton: Triton) -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()
    settings: dict[str, Any] = {"allow_remote_images": True, "remote_image_hosts": ["127.0.0.1"]}
    with serving([triton.url], remote_image_timeout_s=600, **settings) as gateway:
        async with _slow_host(asked, may_answer) as port, _connected(gateway) as connection:
            part = {"type": "image_url", "image_url": {"url": f"http://127.0.0.1:{port}/a.png"}}
            for key in ("a", "b"):
                asking = _chat(key, "x")
                asking["body"]["messages"][0]["content"] = [part]
                await _send(connection, asking)
            await asyncio.wait_for(asked.wait(), 30)
            await _send(connection, {"type": "ping", "data": 7})
            await _until(connection, lambda message: message == {"type": "pong", "data": 7})
            await _send(connection, {"type": "cancel", "id": "a"})
            assert (await _receive(connection))["finish_reasons"] == ["cancelled"]
            may_answer.set()
            error = (await _until(connection, _ends("b")))[-1]["error"]
            assert "cannot see images" in error["message"], "the picture has come"
