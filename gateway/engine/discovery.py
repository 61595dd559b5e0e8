"""Where the Tritons are: named one by one, found by a DNS name, or listed in a file that somebody else keeps.

Knows addresses; opens no channel and does not know whether anybody answers there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import structlog

log = structlog.get_logger(__name__)


class Addresses:
    """The gRPC addresses behind `urls`, which is asked at each look: an embedded Triton has one only when it runs.

    grpc:// and grpcs:// are addresses. dns://name:8001 stands for every address that the name has now, as of the
    containers of a service. file:///path has an address a line; lines that begin with # are remarks.
    """

    def __init__(self, urls: Callable[[], Sequence[str]]) -> None:
        self._urls = urls
        self._known: dict[str, tuple[str, ...]] = {}

    async def find(self) -> tuple[str, ...]:
        """Each address once, in the order of the settings.

        A source that cannot be asked just now keeps what it said last: losing the DNS is no reason to lose Triton.
        """
        found: dict[str, None] = {}
        for url in self._urls():
            found.update(dict.fromkeys(await self._behind(url)))
        return tuple(found)

    async def _behind(self, url: str) -> tuple[str, ...]:
        parts = urlsplit(url)
        if parts.scheme not in ("dns", "file"):
            return (url,)
        before = self._known.get(url)
        try:
            now = await (_by_name(parts.hostname or "", parts.port or 0) if parts.scheme == "dns" else _in_file(url))
        except (OSError, ValueError) as error:
            if before is None:
                log.warning("no Triton can be found yet", source=url, reason=str(error))
            # Known from now on, so that the same is not said every few seconds.
            return self._known.setdefault(url, ())
        if now != before:
            log.info("Tritons were found", source=url, tritons=list(now))
        self._known[url] = now
        return now


async def _by_name(host: str, port: int) -> tuple[str, ...]:
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    hosts = sorted({str(address[0]) for *_, address in answers})  # a resolver turns its answers round
    return tuple(f"grpc://[{each}]:{port}" if ":" in each else f"grpc://{each}:{port}" for each in hosts)


async def _in_file(url: str) -> tuple[str, ...]:
    """Raises ValueError for a line that is no address: half a list must not look like a smaller one."""
    text = await asyncio.to_thread(Path(urlsplit(url).path).read_text)
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    for line in found:
        parts = urlsplit(line)
        if parts.scheme not in ("grpc", "grpcs") or parts.port is None:
            raise ValueError(f"'{line}' is not a Triton gRPC address; write it as grpc://host:8001")
    return tuple(found)
