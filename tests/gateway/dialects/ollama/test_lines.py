"""One object is one line, to clients that break lines where Unicode does as well."""

from __future__ import annotations

import re

import httpx
import ollama
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.ollama.lines import line

_ENDS = "\x85\u2028\u2029"


@given(st.text() | st.text(_ENDS + '\n\r\x0b\x0c\x1cé🦜\\"'))
def test_whatever_is_said_is_one_line_and_reads_the_same(text: str) -> None:
    written = line({"said": text})
    assert len(written.decode().splitlines()) == 1
    assert orjson.loads(written) == {"said": text}


def test_a_sign_of_life_between_lines_is_no_line(
    client: ollama.Client, wire: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.dialects.framing._BEAT_S", 0.05)
    ask = {"model": "parrot", "prompt": "words=3 delay=0.5"}
    assert re.search(rb"\n +{", wire.post("/api/generate", json=ask).content)
    assert "".join(each.response or "" for each in client.generate(**ask, stream=True)) == "polly wants a "


@pytest.mark.parametrize("streams", [False, True])
def test_the_client_gets_every_character(client: ollama.Client, streams: bool) -> None:
    said = f"one{_ENDS[0]}two{_ENDS[1]}three{_ENDS[2]}four"
    ask = [{"role": "user", "content": f"say=script <<<{said}>>>"}]
    if streams:
        answer = "".join(each.message.content or "" for each in client.chat("parrot", ask, stream=True))
    else:
        answer = client.chat("parrot", ask).message.content or ""
    assert answer == said


def test_an_error_in_a_stream_is_a_line_too(wire: httpx.Client) -> None:
    ask = {"model": "parrot", "prompt": "words=3 raise=INTERNAL after=1"}
    *_, last = wire.post("/api/generate", json=ask).text.splitlines()
    assert list(orjson.loads(last)) == ["error"]
