"""Frames become messages, or a refusal in words."""

from __future__ import annotations

import contextlib
import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.websocket.codec import Unreadable, decode, encode

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda each: st.lists(each, max_size=3)
)


@given(st.dictionaries(st.text(), _VALUES, max_size=5), st.booleans())
def test_what_is_written_can_be_read(message: dict[str, object], binary: bool) -> None:
    assert decode(encode(message, binary=binary)) == message


def test_pictures_are_base64_in_json_and_themselves_in_messagepack() -> None:
    message = {"images": [b"\x89PNG"]}
    assert decode(encode(message, binary=False)) == {"images": ["iVBORw=="]}
    assert decode(encode(message, binary=True)) == message


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_refusal(frame: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(decode(frame), dict)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "1",
        '{"a": NaN}',
        '"text"',
        '{"a":' + "[" * 100 + "]" * 100 + "}",
        '{"a":' + "[" * 100_000,
        b"",
        b"\xc1",
        b"\xdf\xff\xff\xff\xff",
        msgpack.packb([1]),
        msgpack.packb({1: 2}),
        msgpack.packb({"a": json.loads("[" * 100 + "]" * 100)}),
        b"\x81\xa1a" + b"\x91" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(frame: str | bytes) -> None:
    with pytest.raises(Unreadable):
        decode(frame)
