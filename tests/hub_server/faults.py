"""What can be ordered to go wrong with an answer of the hub server; each is used up by one request.

Describes only; the server does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """The root of them."""


@dataclass(frozen=True)
class Status(Fault):
    """An answer with this status and nothing else, as 429 with Retry-After or 503."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut(Fault):
    """The connection ends after this many bytes of the body, which was announced whole."""

    after: int


@dataclass(frozen=True)
class Reset(Fault):
    """As `Cut`, but the other side resets the connection, as a crashed machine or a firewall does."""

    after: int


@dataclass(frozen=True)
class BadBytes(Fault):
    """All bytes come, and one of them is wrong."""


@dataclass(frozen=True)
class Slow(Fault):
    """Pieces of `piece` bytes with a pause before each."""

    pause_s: float
    piece: int = 1024


@dataclass(frozen=True)
class Stall(Fault):
    """After this many bytes nothing more comes, though the connection stays."""

    after: int
