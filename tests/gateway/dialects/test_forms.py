"""A form says the same as the JSON object that its names spell."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from gateway.dialects.forms import File, Form, read_form
from modelyard.errors import InvalidInput


class Song(Form):
    title: str
    verses: list[str] | None = None
    tags: dict[str, str] | None = None
    length: float | None = None
    loud: bool | None = None
    cover: File | None = None


def _request(*parts: tuple[str, str | bytes]) -> Request:
    body = b""
    for name, value in parts:
        file = '; filename="x.bin"\r\nContent-Type: application/octet-stream' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        body += f'--xyz\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    body += b"--xyz--\r\n"
    headers = [(b"content-type", b"multipart/form-data; boundary=xyz")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def _read(*parts: tuple[str, str | bytes]) -> Song:
    return await read_form(_request(*parts), Song)


async def test_lists_objects_numbers_and_files() -> None:
    assert await _read(
        ("title", "größe"),
        ("verses[]", "one"),
        ("verses[]", "two"),
        ("tags[mood]", "calm"),
        ("length", "2.5"),
        ("loud", "true"),
        ("cover", b"\x00\xff"),
    ) == Song(title="größe", verses=["one", "two"], tags={"mood": "calm"}, length=2.5, loud=True, cover=b"\x00\xff")


async def test_a_list_needs_no_brackets_and_what_is_empty_was_not_sent() -> None:
    assert await _read(("title", "x"), ("verses", "one"), ("length", "")) == Song(title="x", verses=["one"])


@pytest.mark.parametrize("name", ["title", "length"])
async def test_a_field_that_is_there_twice_is_named(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await _read(("title", "x"), ("length", "1"), (name, "2"))
    assert caught.value.field == name


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), st.binary(max_size=9), max_size=5))
async def test_no_form_is_a_fault_of_ours(fields: dict[str, bytes]) -> None:
    from fastapi.exceptions import RequestValidationError

    parts = [(quote(name, safe=" []"), value) for name, value in fields.items()]
    read = None
    try:
        read = await _read(*parts, ("title", "x"))
    except (InvalidInput, RequestValidationError):
        return
    assert read.title == "x"
