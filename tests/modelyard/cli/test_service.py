"""What `modelyard serve` checks before it starts anything."""

from __future__ import annotations

import socket

import pytest

from modelyard.cli import service
from modelyard.errors import HostProblem, PortTaken
from modelyard.settings import Settings


def test_a_port_is_taken_or_held() -> None:
    with service._listen(Settings(port=0)) as held:
        held.listen()
        with pytest.raises(PortTaken):
            service._listen(Settings(port=held.getsockname()[1]))


def test_an_address_that_is_not_ours_is_one_sentence() -> None:
    with pytest.raises(HostProblem, match=r"cannot listen on 192\.0\.2\.1"):
        service._listen(Settings(host="192.0.2.1", port=0))


def test_only_loopback_needs_no_key() -> None:
    service._require_key(Settings(host="::1"))
    service._require_key(Settings(host="0.0.0.0", api_key="k"))  # type: ignore[arg-type]
    with pytest.raises(HostProblem, match="callers must send a key"):
        service._require_key(Settings(host="0.0.0.0"))


def test_the_socket_is_closed_when_the_port_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken, match="taken by another program"):
            service._listen(Settings(port=other.getsockname()[1]))
