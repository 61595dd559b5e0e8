"""The unmodified `anthropic` client against the gateway and a real Triton with parrots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.gateway.running import Gateway, Triton, serving

POST = "POST /v1/messages"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0) as made:
        yield made


def _ask(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "parrot", "max_tokens": 50, "messages": [{"role": "user", "content": text}], **fields}


@pytest.mark.proves(POST, "", "honoured")
@pytest.mark.proves(POST, "model", "honoured")
def test_an_answer(client: anthropic.Anthropic) -> None:
    answer = client.messages.create(**_ask("say=script <<<good morning>>>"))
    assert answer.content[0].text == "good morning"  # type: ignore[union-attr]
    assert (answer.role, answer.stop_reason, answer.usage.output_tokens) == ("assistant", "end_turn", 12)


def test_a_stream_and_what_ended_it(client: anthropic.Anthropic) -> None:
    asked = _ask("say=script chunk=3 <<<one, two, three>>>", stop_sequences=["none"])
    with client.messages.stream(**asked) as stream:
        assert "".join(stream.text_stream) == "one, two, three"
        assert stream.get_final_message().stop_reason == "end_turn"
    with client.messages.stream(**_ask("words=50", max_tokens=3)) as stream:
        stream.until_done()
        assert stream.get_final_message().stop_reason == "max_tokens"


def test_errors_are_in_the_form_of_anthropics(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.messages.create(**_ask("x", model="nobody"))
    assert missing.value.body["error"]["type"] == "not_found_error"  # type: ignore[index,call-overload]
    with pytest.raises(anthropic.BadRequestError, match="container"):
        client.messages.create(**_ask("x", container="c"))
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**_ask("raise=INTERNAL"))


def test_a_stream_that_breaks_ends_with_an_error_event(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**_ask("words=9 raise=INTERNAL after=3")) as stream, pytest.raises(anthropic.APIError):
        stream.until_done()


def test_the_key_may_come_as_its_clients_send_it(triton: Triton) -> None:
    with serving([triton.url], api_key="geheim") as gateway:
        with anthropic.Anthropic(base_url=gateway.url, api_key="geheim", max_retries=0) as client:
            assert client.messages.create(**_ask("words=2")).content
        wrong = anthropic.Anthropic(base_url=gateway.url, api_key="wrong", max_retries=0)
        with wrong, pytest.raises(anthropic.AuthenticationError):
            wrong.messages.create(**_ask("words=2"))
