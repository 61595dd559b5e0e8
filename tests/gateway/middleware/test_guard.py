"""Who may come in."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.identity import BearerKey
from gateway.middleware.guard import Guard, is_loopback


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


def _websocket(**headers: str) -> dict[str, Any]:
    given = [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
    return {"type": "websocket", "path": "/ws", "headers": given, "subprotocols": []}


async def _comes_through(scope: dict[str, Any], key: str | None) -> bool:
    came: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        came.append(scope)

    async def refusal(scope: Any, receive: Any, send: Any) -> None:
        return None

    guard = Guard(application, BearerKey(key) if key else None, lambda scope, error: refusal)  # type: ignore[arg-type,return-value]
    await guard(scope, None, None)  # type: ignore[arg-type]
    return came == [scope]


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://127.0.0.1", "tauri://localhost", "vscode-webview://1"]
)
async def test_pages_of_this_machine_and_desktop_applications_come_in_without_a_key(origin: str) -> None:
    assert await _comes_through(_websocket(origin=origin), None)


@pytest.mark.parametrize("origin", ["https://evil.com", "http://localhost.evil.com", "null", "http://10.0.0.1"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_pages_of_elsewhere_do_not(origin: str, kind: str) -> None:
    assert not await _comes_through(_websocket(origin=origin) | {"type": kind}, None)


async def test_a_page_offers_the_key_as_a_subprotocol() -> None:
    coded = base64.urlsafe_b64encode("geheim-ß".encode()).decode().rstrip("=")
    offered = _websocket(origin="https://my.example") | {"subprotocols": ["modelyard.v1", f"bearer.{coded}"]}
    assert await _comes_through(offered, "geheim-ß")
    assert not await _comes_through(offered, "other")
    assert not await _comes_through(_websocket() | {"subprotocols": ["bearer.*", "bearer.", "x"]}, "geheim-ß")


@pytest.mark.parametrize(("method", "comes_in"), [("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False)])
async def test_a_kept_picture_is_its_own_secret(method: str, comes_in: bool) -> None:
    scope = {"type": "http", "method": method, "path": "/v1/images/files/x.png", "headers": []}
    assert await _comes_through(scope, "geheim") == comes_in
    assert not await _comes_through(scope | {"path": "/v1/images/generations"}, "geheim")
