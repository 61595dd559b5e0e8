"""Which failures pass, and how long is waited for them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest
from huggingface_hub.errors import HfHubHTTPError
from hypothesis import given
from hypothesis import strategies as st

from converters.hub.access import Patience
from converters.hub.retries import ask, is_passing, pause_s

_PATIENCE = Patience()


def _answered(status: int, **headers: str) -> HfHubHTTPError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx.Request("GET", "http://hub.example.org")
    return HfHubHTTPError("", response=httpx.Response(status, headers=named, request=request))


def test_the_wait_doubles_up_to_a_limit() -> None:
    waits = [pause_s(_answered(503), attempt, _PATIENCE) for attempt in range(1, 8)]
    assert waits == [1, 2, 4, 8, 16, 16, 16]


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_the_hub_asks_for(status: int) -> None:
    assert pause_s(_answered(status, Retry_After="7"), 1, _PATIENCE) == 7
    assert pause_s(_answered(status, Retry_After="0"), 4, _PATIENCE) == 0
    assert pause_s(_answered(status, RateLimit='"api";r=0;t=55'), 1, _PATIENCE) == 55
    assert pause_s(_answered(status, RateLimit='"api";r=3;t=55'), 1, _PATIENCE) == 1


def test_a_wait_until_a_date() -> None:
    soon = datetime.now(timezone.utc) + timedelta(seconds=100)
    assert 0 < pause_s(_answered(503, Retry_After=format_datetime(soon, usegmt=True)), 1, _PATIENCE) <= 100
    assert pause_s(_answered(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), 1, _PATIENCE) == 0


def test_a_wait_that_is_too_long_is_not_begun() -> None:
    assert is_passing(_answered(429, Retry_After="300"), _PATIENCE)
    assert not is_passing(_answered(429, Retry_After="301"), _PATIENCE)


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40))
def test_any_header_gives_a_wait(value: str) -> None:
    response = httpx.Response(503, headers=[(b"Retry-After", value.encode("latin-1"))])
    response.request = httpx.Request("GET", "http://hub.example.org")
    assert pause_s(HfHubHTTPError("", response=response), 1, _PATIENCE) >= 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416, 501])
def test_what_does_not_pass(status: int) -> None:
    assert not is_passing(_answered(status), _PATIENCE)


def test_one_that_cannot_be_reached_is_asked_once() -> None:
    asked: list[int] = []

    def request() -> None:
        asked.append(1)
        raise httpx.ConnectError("refused")

    with pytest.raises(httpx.ConnectError):
        ask(request, _PATIENCE)
    assert len(asked) == 1


def test_an_error_of_our_own_is_not_tried_again() -> None:
    asked: list[int] = []

    def request() -> None:
        asked.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(request, _PATIENCE)
    assert len(asked) == 1
