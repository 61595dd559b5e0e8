"""The reader of JSON bodies: what Python's own would take and nobody could use is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.bodies import MAX_DEPTH, read_json

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_VALUES)
def test_whatever_is_json_is_read(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b"NaN",
        b'{"a": Infinity}',
        b"1e999",
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'"\xff"',
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-le"),
        '{"a": 1}'.encode("utf-32"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_what_is_not_json_of_a_sane_depth_is_refused(body: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        read_json(body)


def test_depth_and_not_size_is_what_counts() -> None:
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(read_json(b"[" + b"[[]]," * 1000 + b"1]")) == 1001


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert read_json(b'{"a": 1, "a": 2}') == {"a": 2}
