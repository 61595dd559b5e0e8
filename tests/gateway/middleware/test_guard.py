"""Who may come in."""

from __future__ import annotations

import pytest

from gateway.identity import BearerKey
from gateway.middleware.guard import is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:11434",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.1.2.3:1",
        "[::1]",
        "[::1]:11434",
        "LOCALHOST.",
        "a.localhost:1",
    ],
)
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.com",
        "evil.com:11434",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "127.0.0.1.nip.io:80",
        "0.0.0.0",
        "192.168.0.1",
        "[::2]",
        "[::ffff:8.8.8.8]",
        "notlocalhost",
        ":80",
        "127.0.0.1@evil.com",
    ],
)
def test_other_names(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("header", ["Bearer geheim-ß", "bearer geheim-ß", "Bearer  geheim-ß "])
def test_the_key_opens(header: str) -> None:
    assert BearerKey("geheim-ß").opens(header)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic geheim-ß", "geheim-ß", "Bearer geheim-ß x"]
)
def test_anything_else_does_not(header: str) -> None:
    assert not BearerKey("geheim-ß").opens(header)


def test_an_empty_key_is_no_key() -> None:
    with pytest.raises(ValueError, match="empty"):
        BearerKey("")
