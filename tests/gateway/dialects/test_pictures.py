"""Pictures of a request are looked at before an engine has them, in every dialect that takes them, and are bounded."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.gateway.running import Triton, serving


def _picture(form: str = "PNG", size: tuple[int, int] = (4, 4)) -> bytes:
    data = io.BytesIO()
    Image.new("1", size).save(data, form)
    return data.getvalue()


def _chat(*pictures: bytes) -> dict[str, Any]:
    images = [base64.b64encode(each).decode() for each in pictures]
    return {"model": "parrot", "messages": [{"role": "user", "content": "words=1", "images": images}]}


def _generate(*pictures: bytes) -> dict[str, Any]:
    return {"model": "parrot", "prompt": "x", "images": [base64.b64encode(each).decode() for each in pictures]}


def _messages(*pictures: bytes) -> dict[str, Any]:
    return _anthropic(
        {"type": "base64", "media_type": "image/png", "data": base64.b64encode(each).decode()} for each in pictures
    )


def _anthropic(sources: Any) -> dict[str, Any]:
    blocks = [{"type": "image", "source": source} for source in sources]
    return {"model": "parrot", "max_tokens": 5, "messages": [{"role": "user", "content": blocks}]}


ASKS = {"/api/chat": _chat, "/api/generate": _generate, "/v1/messages": _messages}
SECOND = {
    "/api/chat": "messages[0].images[1]",
    "/api/generate": "images[1]",
    "/v1/messages": "messages[0].content[1].source",
}


def _refusal(http: httpx.Client, path: str, *pictures: bytes) -> str:
    answer = http.post(path, json=ASKS[path](*pictures))
    assert answer.status_code == 400
    error = answer.json()["error"]
    message: str = error if isinstance(error, str) else error["message"]
    return message


@pytest.mark.parametrize("path", ASKS)
def test_a_file_that_is_no_picture_or_too_many_pixels_is_refused_by_its_place(http: httpx.Client, path: str) -> None:
    for bad, why in (
        (_picture("BMP"), "not a PNG, JPEG, WebP or GIF"),
        (_picture(size=(8000, 8000)), "8000x8000 pixels"),
        (_picture()[:30], "damaged"),
    ):
        said = _refusal(http, path, _picture(), bad)
        assert said.startswith(f"'{SECOND[path]}'")
        assert why in said


@pytest.mark.parametrize("path", ASKS)
def test_so_many_pictures_may_come_at_once(http: httpx.Client, path: str) -> None:
    assert "more than 32 pictures" in _refusal(http, path, *[_picture()] * 33)
    assert "cannot see images" in _refusal(http, path, *[_picture()] * 32), "which is asked of the model at the end"


def test_a_file_has_a_largest_size(triton: Triton) -> None:
    noise = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(noise, "PNG")
    assert len(noise.getvalue()) > 1024
    with (
        serving([triton.url], max_image_bytes=1024) as gateway,
        httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as http,
    ):
        for path in ASKS:
            assert "larger than" in _refusal(http, path, noise.getvalue())


async def test_pictures_of_anthropics_are_fetched_side_by_side(triton: Triton) -> None:
    waiting: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        waiting.append(writer)
        if len(waiting) == 2:
            # None is answered before both have been asked for.
            for each in waiting:
                each.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(_picture())}\r\n\r\n".encode() + _picture())
                each.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    settings: dict[str, Any] = {"allow_remote_images": True, "remote_image_hosts": ["127.0.0.1"]}
    with serving([triton.url], **settings) as gateway:
        async with listening, httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False) as http:
            sources = [{"type": "url", "url": f"http://127.0.0.1:{port}/{name}.png"} for name in "ab"]
            answer = await http.post("/v1/messages", json=_anthropic(sources))
    assert "cannot see images" in answer.json()["error"]["message"], "both have come"
