"""A picture over a WebSocket: its progress, and the file itself, in both forms; a cancelled one frees the engine."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import msgpack
import pytest
from PIL import Image
from websockets.sync.client import connect

from tests.system.service import Service


def _asked(key: str, **body: Any) -> dict[str, Any]:
    return {"type": "image", "id": key, "body": {"prompt": "a boat", "model": "painter", "seed": 7, **body}}


@pytest.mark.proves("GET /ws", "image", "honoured")
@pytest.mark.parametrize("binary", [False, True])
def test_progress_and_a_picture(tasks: Service, binary: bool) -> None:
    with connect(tasks.url.replace("http", "ws") + "/ws", proxy=None, max_size=None) as connection:
        asked = _asked("a", steps=4, n=2)
        connection.send(msgpack.packb(asked) if binary else json.dumps(asked))
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["type"] not in ("done", "error"):
            frame = connection.recv(120)
            messages.append(msgpack.unpackb(frame) if isinstance(frame, bytes) else json.loads(frame))
    shares = [message["share"] for message in messages if message["type"] == "progress"]
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert messages[-1]["type"] == "done"
    files = [each if binary else base64.b64decode(each) for each in messages[-1]["images"]]
    assert [Image.open(io.BytesIO(each)).format for each in files] == ["PNG", "PNG"]


def test_a_cancelled_picture_makes_way_for_the_next(tasks: Service) -> None:
    with connect(tasks.url.replace("http", "ws") + "/ws", proxy=None, max_size=None) as connection:
        connection.send(json.dumps(_asked("long", steps=150, n=10)))
        while json.loads(connection.recv(120))["type"] != "progress":
            pass
        connection.send(json.dumps({"type": "cancel", "id": "long"}))
        connection.send(json.dumps(_asked("short", steps=1)))
        ends: dict[str, dict[str, Any]] = {}
        while len(ends) < 2:
            message = json.loads(connection.recv(120))
            if message["type"] == "done":
                ends[message["id"]] = message
    assert ends["long"]["finish_reasons"] == ["cancelled"]
    assert len(ends["short"]["images"]) == 1
