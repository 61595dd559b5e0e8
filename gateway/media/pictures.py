"""A picture from its address: what a data URL holds, or what a public host sends, when the service allows that.

Knows URLs, addresses and the first bytes of files. Whoever writes a URL must not reach through it what only this
machine can reach, so nothing is asked whose address was not looked at first.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import httpx
from PIL import Image, UnidentifiedImageError

from gateway.media.masks import MAX_PIXELS
from modelyard.errors import InvalidInput

MAX_REDIRECTS = 3
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_DATA_URL = re.compile(r"data:image/(?:png|jpe?g|webp|gif)(?:;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII | re.IGNORECASE)
# What Python's `is_global` lets through. https://www.iana.org/assignments/iana-ipv4-special-registry
_PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # a translator between the two makes an IPv4 address of its last 32 bits
_AS_DATA = "send it as a data URL, data:image/png;base64,..."


@dataclass(frozen=True)
class PicturePolicy:
    """`remote`: whether http and https are fetched at all. `hosts`, where there are any, are the only ones that are

    asked, and those on any port and at private addresses too. Sizes are bytes of the file.
    """

    remote: bool = False
    hosts: frozenset[str] = frozenset()
    most_bytes: int = 20 * 2**20
    timeout_s: float = 10.0


async def load_picture(url: str, *, policy: PicturePolicy, within: int | None = None) -> bytes:
    """The bytes of a PNG, JPEG or WebP file, made smaller to fit `within` pixels a side; of a GIF its first frame.

    Raises InvalidInput.
    """
    most = policy.most_bytes
    if url[:5].lower() == "data:":
        return await asyncio.to_thread(lambda: checked(_from_data_url(url, most), within, most_bytes=most))
    if not policy.remote:
        raise InvalidInput(
            "pictures are not fetched from other hosts here",
            hint=f"{_AS_DATA}, or start the service with MODELYARD_ALLOW_REMOTE_IMAGES=true",
        )
    try:
        data = await asyncio.wait_for(_fetched(url, policy), policy.timeout_s)
    except (asyncio.TimeoutError, httpx.TimeoutException) as error:
        raise InvalidInput(f"the picture did not come within {policy.timeout_s:g} s", hint=_AS_DATA) from error
    # Their words have addresses and names of this machine's network in them, which are not the client's to know.
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError, ValueError) as error:
        raise InvalidInput("the picture cannot be fetched from its address", hint=_AS_DATA) from error
    return await asyncio.to_thread(checked, data, within, most_bytes=most)


async def check_picture(data: bytes, *, policy: PicturePolicy) -> bytes:
    """A picture that came by itself, as `load_picture` gives one. Raises InvalidInput."""
    return await asyncio.to_thread(checked, data, most_bytes=policy.most_bytes)


def checked(data: bytes, within: int | None = None, *, most_bytes: int) -> bytes:
    """The file, or a smaller one that fits, or the first frame of a GIF as PNG, which engines read.

    Raises InvalidInput for what is no PNG, JPEG, WebP or GIF of a sane size. Computes: call it in a thread.
    """
    if len(data) > most_bytes:
        raise _too_large(most_bytes)
    if not (
        data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
    ):
        raise InvalidInput("the picture is not a PNG, JPEG, WebP or GIF file")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise InvalidInput(
                    f"the picture has {picture.width}x{picture.height} pixels; at most {MAX_PIXELS} are taken"
                )
            fits = within is None or max(picture.size) <= within
            is_gif = picture.format == "GIF"
            if fits and not is_gif:
                return data
            # Colours of a palette cannot be mixed.
            frame = _without_palette(picture) if is_gif else picture
            if not fits:
                frame.thumbnail((within, within))
            written = io.BytesIO()
            _without_palette(frame).save(written, "PNG")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise InvalidInput("the picture cannot be read; the file is damaged") from error
    if is_gif and written.tell() > most_bytes:
        raise InvalidInput(f"the picture is larger than {most_bytes} bytes as PNG, which it is read as; send a JPEG")
    return written.getvalue()


def _without_palette(picture: Image.Image) -> Image.Image:
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _from_data_url(url: str, most: int) -> bytes:
    head = _DATA_URL.match(url)
    if head is None:
        raise InvalidInput("a data URL of a picture begins with data:image/png;base64, (or jpeg, webp, gif)")
    if (len(url) - head.end()) * 3 // 4 > most * 4:  # room for line breaks and percent signs, which are taken out
        raise _too_large(most)
    text = "".join(unquote(url[head.end() :]).split())
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("the data URL of the picture is not valid base64") from error
    if len(data) > most:
        raise _too_large(most)
    return data


def _too_large(most: int) -> InvalidInput:
    return InvalidInput(f"the picture is larger than {most} bytes")


async def _fetched(url: str, policy: PicturePolicy) -> bytes:
    target = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        _check_target(target, policy)
        # No client: it would keep cookies, follow redirects by itself and ask the environment for a proxy.
        async with _CheckedTransport(policy) as transport:
            # `identity`: a compressed answer could grow without end.
            headers = {"Accept": "image/png, image/jpeg, image/webp, image/gif", "Accept-Encoding": "identity"}
            timeout = httpx.Timeout(policy.timeout_s).as_dict()
            request = httpx.Request("GET", target, headers=headers, extensions={"timeout": timeout})
            response = await transport.handle_async_request(request)
            try:
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    target = target.join(response.headers["location"])
                    continue
                if response.status_code != httpx.codes.OK:
                    raise InvalidInput(f"the host of the picture answered with status {response.status_code}")
                return await _read(response, policy.most_bytes)
            finally:
                await response.aclose()
    raise InvalidInput(f"the address of the picture redirects more than {MAX_REDIRECTS} times")


async def _read(response: httpx.Response, most: int) -> bytes:
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    data = bytearray()
    async for piece in response.aiter_raw():
        data += piece
        if len(data) > most:
            raise _too_large(most)
    return bytes(data)


def _check_target(url: httpx.URL, policy: PicturePolicy) -> None:
    if url.scheme not in _PORTS or not url.host:
        raise InvalidInput("the address of a picture is a data URL or begins with https:// or http://")
    if url.userinfo:
        raise InvalidInput("the address of a picture must have no user name and no password in it")
    if policy.hosts:
        if _name(url) not in policy.hosts:
            raise InvalidInput("pictures are not fetched from this host", hint="MODELYARD_REMOTE_IMAGE_HOSTS names all")
    elif (url.port or _PORTS[url.scheme]) not in _PORTS.values():
        raise InvalidInput("pictures are fetched from the ports 80 and 443 only")


def _name(url: httpx.URL) -> str:
    return url.host.lower().rstrip(".")


class _CheckedTransport(httpx.AsyncBaseTransport):
    """Resolves a name once, looks at every address, and connects to one of those.

    A name that is resolved again when it is connected to may have become another one by then (DNS rebinding).
    """

    def __init__(self, policy: PicturePolicy) -> None:
        self._policy = policy
        self._inner: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        self._inner = httpx.AsyncHTTPTransport(verify=_trust() if url.scheme == "https" else False)
        problem: httpx.TransportError = httpx.ConnectError("no address")
        for address in await self._addresses(url):
            pinned = httpx.Request(
                request.method,
                url.copy_with(host=address),
                headers=request.headers,  # with the Host of the name
                extensions={**request.extensions, "sni_hostname": url.raw_host.decode("ascii")},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
        raise problem

    async def _addresses(self, url: httpx.URL) -> list[str]:
        host = url.raw_host.decode("ascii").strip("[]")
        found = await asyncio.get_running_loop().getaddrinfo(
            host, url.port or _PORTS[url.scheme], type=socket.SOCK_STREAM
        )
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if _name(url) not in self._policy.hosts and not all(is_public(address) for address in addresses):
            raise InvalidInput("the address of the picture leads into a private network", hint=_AS_DATA)
        return addresses

    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, by itself and by no IPv4 address hidden in it."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        if one.ipv4_mapped or one.sixtofour or one.teredo or one.is_site_local:
            return False
        if one in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)))
    elif one in _PROTOCOL_ASSIGNMENTS:
        return False
    return one.is_global and not (one.is_multicast or one.is_reserved or one.is_unspecified)


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    # Reading the certificates takes longer than a small picture does.
    return httpx.create_ssl_context()
