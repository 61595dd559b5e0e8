"""Pictures from data URLs and from a real HTTP server on loopback, and every way to be led somewhere else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from PIL import Image

from gateway.media.pictures import PicturePolicy, check_picture, is_public, load_picture
from modelyard.errors import InvalidInput

HERE = "127.0.0.1"
TRUSTED = PicturePolicy(remote=True, hosts=frozenset({HERE, "localhost", "pinned.test"}), timeout_s=20)
PUBLIC = PicturePolicy(remote=True, timeout_s=20)

Handler = Callable[[str, dict[str, str], asyncio.StreamWriter], Awaitable[None]]


def picture(form: str = "PNG", size: tuple[int, int] = (3, 2)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, "teal").save(data, form)
    return data.getvalue()


def as_data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@contextlib.asynccontextmanager
async def server(handle: Handler) -> AsyncIterator[int]:
    """A small HTTP server; `handle` gets the path and the headers of a request and writes the answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            await handle(lines[0].split(" ")[1], headers, writer)
            await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, HERE, 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


def answering(body: bytes, *, status: str = "200 OK", head: str = "") -> Handler:
    async def handle(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return handle


async def _refused(url: str, policy: PicturePolicy = TRUSTED, *, saying: str) -> InvalidInput:
    with pytest.raises(InvalidInput, match=saying) as caught:
        await load_picture(url, policy=policy)
    return caught.value


@pytest.mark.parametrize(
    ("form", "kind"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("JPEG", "image/jpg"), ("WEBP", "image/webp"), ("PNG", "IMAGE/PNG")],
)
async def test_a_data_url_is_read(form: str, kind: str) -> None:
    data = picture(form)
    assert await load_picture(as_data_url(data, kind), policy=PicturePolicy()) == data


async def test_a_data_url_may_be_written_carelessly() -> None:
    data = picture()
    text = base64.encodebytes(data).decode().rstrip("=\n")
    assert await load_picture(f"DATA:image/png;name=a.png;base64,{text}", policy=PicturePolicy()) == data
    quoted = base64.b64encode(data).decode().replace("+", "%2B").replace("/", "%2F")
    assert await load_picture(f"data:image/png;base64,{quoted}", policy=PicturePolicy()) == data


@pytest.mark.parametrize(
    ("url", "saying"),
    [
        ("data:,", "begins with data:image/png"),
        ("data:text/html;base64,AAAA", "begins with data:image/png"),
        ("data:image/svg+xml;base64,AAAA", "begins with data:image/png"),
        ("data:image/png,AAAA", "begins with data:image/png"),
        ("data:image/png;base64,!!!!", "not valid base64"),
        ("data:image/png;base64,", "not a PNG, JPEG, WebP or GIF"),
        (as_data_url(b"plain words"), "not a PNG, JPEG, WebP or GIF"),
        (as_data_url(picture("BMP"), "image/png"), "not a PNG, JPEG, WebP or GIF"),
        (as_data_url(picture()[:20]), "damaged"),
        (as_data_url(b"x" * 5000), "larger than 4096 bytes"),
        (as_data_url(b"x" * 50_000), "larger than 4096 bytes"),
    ],
)
async def test_what_is_no_picture_is_refused(url: str, saying: str) -> None:
    await _refused(url, PicturePolicy(most_bytes=4096), saying=saying)


async def test_a_small_file_of_very_many_pixels_is_refused() -> None:
    data = io.BytesIO()
    Image.new("1", (8000, 8000)).save(data, "PNG")
    assert len(data.getvalue()) < 100_000
    await _refused(as_data_url(data.getvalue()), saying="8000x8000 pixels")


def _moving() -> bytes:
    """A GIF of two frames, the first with a hole in it."""
    first, then = (Image.new("RGBA", (100, 40), colour) for colour in ("red", "blue"))
    first.putpixel((0, 0), (0, 0, 0, 0))
    data = io.BytesIO()
    first.save(data, "GIF", save_all=True, append_images=[then])
    return data.getvalue()


async def test_of_a_gif_the_first_frame_is_read_as_png() -> None:
    read = await load_picture(as_data_url(_moving(), "image/gif"), policy=PicturePolicy())
    with Image.open(io.BytesIO(read)) as frame:
        assert (frame.format, frame.size, frame.mode) == ("PNG", (100, 40), "RGBA")
        assert frame.getpixel((50, 20)) == (255, 0, 0, 255)
        assert frame.getpixel((0, 0))[3] == 0  # type: ignore[index]
    smaller = await load_picture(as_data_url(_moving(), "image/gif"), policy=PicturePolicy(), within=50)
    with Image.open(io.BytesIO(smaller)) as frame:
        assert (frame.format, frame.size) == ("PNG", (50, 20))


async def test_a_gif_keeps_the_limits() -> None:
    data = io.BytesIO()
    Image.new("P", (8000, 8000)).save(data, "GIF")
    await _refused(as_data_url(data.getvalue(), "image/gif"), saying="8000x8000 pixels")
    noise = io.BytesIO()
    Image.effect_noise((100, 100), 90).save(noise, "GIF")
    most = len(noise.getvalue())
    await _refused(as_data_url(noise.getvalue(), "image/gif"), PicturePolicy(most_bytes=most), saying="as PNG")
    await _refused(as_data_url(picture("GIF")[:20], "image/gif"), saying="damaged")
    await _refused(as_data_url(noise.getvalue(), "image/gif"), PicturePolicy(most_bytes=most - 1), saying="larger than")


@pytest.mark.parametrize(
    ("data", "saying"),
    [(b"plain words", "not a PNG"), (picture("BMP"), "not a PNG"), (b"x" * 5000, "larger than 4096 bytes")],
)
async def test_a_picture_that_came_by_itself_is_checked_as_others_are(data: bytes, saying: str) -> None:
    policy = PicturePolicy(most_bytes=4096)
    assert await check_picture(picture(), policy=policy) == picture()
    with pytest.raises(InvalidInput, match=saying):
        await check_picture(data, policy=policy)


async def test_a_picture_is_made_to_fit_and_a_small_one_stays_as_it_is() -> None:
    smaller = await load_picture(as_data_url(picture(size=(100, 40))), policy=PicturePolicy(), within=50)
    assert Image.open(io.BytesIO(smaller)).size == (50, 20)
    small = picture(size=(50, 20))
    assert await load_picture(as_data_url(small), policy=PicturePolicy(), within=50) == small


async def test_other_hosts_are_not_asked_unless_it_is_allowed() -> None:
    async with server(answering(picture())) as port:
        error = await _refused(f"http://{HERE}:{port}/", PicturePolicy(), saying="not fetched")
        assert "MODELYARD_ALLOW_REMOTE_IMAGES" in error.hint


async def test_a_picture_is_fetched_without_cookies_or_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    seen: list[dict[str, str]] = []

    async def handle(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        seen.append(headers)
        if path == "/first":
            writer.write(b"HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: /then\r\nContent-Length: 0\r\n\r\n")
        else:
            await answering(picture())(path, headers, writer)

    async with server(handle) as port:
        assert await load_picture(f"http://localhost:{port}/first", policy=TRUSTED) == picture()
    assert [headers["host"] for headers in seen] == [f"localhost:{port}"] * 2
    assert all("cookie" not in headers and headers["accept-encoding"] == "identity" for headers in seen)


@pytest.mark.parametrize(
    ("handle", "saying"),
    [
        (answering(b"", status="404 Not Found"), "status 404"),
        (answering(b"<html>", head="Content-Type: image/png\r\n"), "not a PNG, JPEG, WebP or GIF"),
        (answering(picture("BMP"), head="Content-Type: image/bmp\r\n"), "not a PNG, JPEG, WebP or GIF"),
        (answering(b"x" * 4097), "larger than 4096 bytes"),
    ],
)
async def test_what_a_host_sends_must_be_a_picture(handle: Handler, saying: str) -> None:
    async with server(handle) as port:
        policy = PicturePolicy(remote=True, hosts=TRUSTED.hosts, most_bytes=4096)
        await _refused(f"http://{HERE}:{port}/", policy, saying=saying)


async def test_a_body_without_an_end_is_cut_off() -> None:
    written = 0

    async def handle(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            written += 65536
            await writer.drain()

    async with server(handle) as port:
        policy = PicturePolicy(remote=True, hosts=TRUSTED.hosts, most_bytes=2**20)
        await _refused(f"http://{HERE}:{port}/", policy, saying="larger than 1048576 bytes")
    assert written < 64 * 2**20


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\x89PNG"])
async def test_a_host_that_is_slow_is_not_waited_for(begins: bytes) -> None:
    async def handle(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(begins)
        while not writer.is_closing():
            await asyncio.sleep(0.05)
            if begins:
                writer.write(b"x")  # each byte is in time, all of them together are not

    async with server(handle) as port:
        policy = PicturePolicy(remote=True, hosts=TRUSTED.hosts, timeout_s=0.3)
        await _refused(f"http://{HERE}:{port}/", policy, saying="did not come within")


@pytest.mark.parametrize(
    ("location", "saying"),
    [
        ("http://169.254.169.254/latest/meta-data", "not fetched from this host"),
        ("http://[::1]/", "not fetched from this host"),
        ("file:///etc/passwd", "begins with https:// or http://"),
        ("gopher://127.0.0.1/", "begins with https:// or http://"),
        ("data:image/png;base64,AAAA", "begins with https:// or http://"),
        ("http://user:secret@127.0.0.1/", "no user name"),
        ("/again", "more than 3 times"),
        ("http://x:port/", "cannot be fetched"),
    ],
)
async def test_a_redirect_is_looked_at_like_the_first_address(location: str, saying: str) -> None:
    asked = 0

    async def handle(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(f"HTTP/1.1 307 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    async with server(handle) as port:
        await _refused(f"http://{HERE}:{port}/", saying=saying)
    assert asked == (4 if location == "/again" else 1)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.0.0.1",
        "127.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
async def test_an_address_that_is_not_public_is_never_connected_to(address: str) -> None:
    await _refused(f"http://{address}/a.png", PUBLIC, saying="private network|cannot be fetched")


@pytest.mark.parametrize(
    "address",
    ["fec0::1", "feff::1", "192.0.0.8", "192.0.0.170", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::808:808"],
)
def test_an_address_that_python_takes_for_a_public_one_may_be_none(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "192.0.1.1", "2606:4700::1", "64:ff9b::8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", ["http://example.com:22/", "https://example.com:8443/", "http://example.com:11434/"])
async def test_only_the_ports_of_the_web_are_asked(url: str) -> None:
    await _refused(url, PUBLIC, saying="ports 80 and 443")


@pytest.mark.parametrize(
    "url", ["", "a.png", "/etc/passwd", "file:///etc/passwd", "ftp://example.com/", "http://", "//x"]
)
async def test_only_web_addresses_are_asked(url: str) -> None:
    await _refused(url, PUBLIC, saying="begins with https:// or http://")


def test_public_addresses_are_public() -> None:
    assert is_public("8.8.8.8")
    assert is_public("2606:4700::1111")
    assert not is_public("fe80::1%eth0")
    assert not is_public("2001:0:4136:e378:8000:63bf:3fff:fdd2")


def _resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[Any]:
    """Names are resolved to each of these lists in turn; gives what was asked for."""
    asked: list[Any] = []
    real = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **how: Any) -> Any:
        if host in (HERE, "127.0.0.2"):
            return await real(host, port, **how)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in answers[len(asked) - 1]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    await _refused("http://mixed.test/", PUBLIC, saying="private network")


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def handle(path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        seen.append(headers["host"])
        await answering(picture())(path, headers, writer)

    async with server(handle) as port:
        asked = _resolving(monkeypatch, ["127.0.0.2", HERE])  # nobody listens at the first, the second is tried
        assert await load_picture(f"http://pinned.test:{port}/", policy=TRUSTED) == picture()
    assert asked == ["pinned.test"]
    assert seen == [f"pinned.test:{port}"]


async def test_encryption_is_asked_for_by_the_name_and_not_by_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    hello = b""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hello
        hello = await reader.read(4096)
        writer.close()

    listening = await asyncio.start_server(greet, HERE, 0)
    _resolving(monkeypatch, [HERE])
    await _refused(f"https://pinned.test:{listening.sockets[0].getsockname()[1]}/", saying="cannot be fetched")
    listening.close()
    assert b"pinned.test" in hello  # the server's name stands in the clear in the first message
