"""`/chat` as its clients see it: a conversation per user, whole or piece by piece."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest

from tests.gateway.running import Gateway, Triton, add_parrot, serving

CHAT = "POST /chat"


@pytest.fixture
def user() -> str:
    return uuid.uuid4().hex


def _client(gateway: Gateway) -> httpx.Client:
    return httpx.Client(base_url=gateway.url, timeout=60, trust_env=False)


def _say(http: httpx.Client, user: str, message: str, **more: object) -> dict[str, Any]:
    answer = http.post("/chat", json={"user_id": user, "message": message, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.proves(CHAT, "", "honoured")
@pytest.mark.proves(CHAT, "message", "honoured")
def test_a_reply_has_all_that_is_documented(http: httpx.Client, user: str) -> None:
    assert _say(http, user, "words=2") == {
        "user_id": user,
        "model": "parrot",
        "reply": "polly wants ",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
        "turns": 1,
    }


@pytest.mark.proves(CHAT, "user_id", "honoured")
def test_the_conversation_is_remembered_and_each_user_has_an_own_one(http: httpx.Client, user: str) -> None:
    _say(http, user, "words=1")
    assert _say(http, user, "say=prompt")["reply"] == (
        "<s> <user> words=1 <assistant> polly  <user> say=prompt <assistant>"
    )
    assert _say(http, f"{user}-other", "say=prompt")["reply"] == "<s> <user> say=prompt <assistant>"


@pytest.mark.proves("DELETE /chat/{user_id}", "", "honoured")
def test_a_user_can_be_forgotten(http: httpx.Client, user: str) -> None:
    _say(http, user, "words=1")
    assert http.delete(f"/chat/{user}").status_code == 204
    assert _say(http, user, "words=1")["turns"] == 1
    assert http.delete("/chat/never-seen").status_code == 204


def _sent(field: str, value: object, name: str = "", got: object = None) -> Any:
    marks = pytest.mark.proves(CHAT, field, "honoured")
    return pytest.param({field: value}, name or field, value if got is None else got, id=field, marks=marks)


@pytest.mark.parametrize(
    ("more", "name", "got"),
    [
        _sent("temperature", 1.5),
        _sent("top_p", 0.25),
        _sent("top_k", 5),
        _sent("min_p", 0.1),
        _sent("stop", "never", "stop", ["never"]),
        _sent("seed", 3),
        _sent("max_tokens", 50),
        _sent("presence_penalty", -2.0),
        _sent("frequency_penalty", 0.5),
        _sent("repetition_penalty", 1.5),
    ],
)
def test_what_was_sent_is_what_the_engine_got(
    http: httpx.Client, user: str, more: dict[str, object], name: str, got: object
) -> None:
    assert json.loads(_say(http, user, "say=sampling", **more)["reply"])[name] == got


@pytest.mark.proves(CHAT, "model", "honoured")
def test_the_model_can_be_named(http: httpx.Client, user: str) -> None:
    assert _say(http, user, "words=1", model="parrot")["model"] == "parrot"
    answer = http.post("/chat", json={"user_id": user, "message": "words=1", "model": "nobody-of-this-name"})
    assert answer.status_code == 404


@pytest.mark.proves(CHAT, "stream", "honoured")
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_streamed_reply_ends_with_the_whole(http: httpx.Client, user: str, accept: str) -> None:
    body = {"user_id": user, "message": "words=3", "stream": True}
    answer = http.post("/chat", json=body, headers={"accept": accept})
    assert answer.headers["content-type"].startswith(
        "text/event-stream" if "event" in accept else "application/x-ndjson"
    )
    lines = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert [line["delta"] for line in lines[:-1]] == ["polly ", "wants ", "a "]
    assert lines[-1]["done"] is True
    assert lines[-1]["reply"] == "polly wants a "
    assert lines[-1]["turns"] == 1


def test_a_failed_answer_leaves_the_conversation_as_it_was(http: httpx.Client, user: str) -> None:
    _say(http, user, "words=1")
    assert http.post("/chat", json={"user_id": user, "message": "raise=INTERNAL"}).status_code == 500
    broken = http.post("/chat", json={"user_id": user, "message": "words=5 raise=INTERNAL after=2", "stream": True})
    last = json.loads(broken.text.splitlines()[-1])
    assert set(last) == {"error"}
    assert "told to raise" in last["error"]["message"]
    assert _say(http, user, "words=1")["turns"] == 2


async def test_a_client_that_goes_away_leaves_the_conversation_as_it_was(
    gateway: Gateway, triton: Triton, http: httpx.Client, user: str
) -> None:
    cancelled = triton.outcomes("cancelled")
    body = {"user_id": user, "message": "words=1000 delay=0.02", "stream": True}
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("POST", f"{gateway.url}/chat", json=body) as answer,
    ):
        await anext(answer.aiter_lines())
    for _ in range(500):
        if triton.outcomes("cancelled") > cancelled:
            break
        await asyncio.sleep(0.02)
    assert _say(http, user, "words=1")["turns"] == 1


async def test_messages_of_one_user_take_turns(gateway: Gateway, user: str) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False) as client:
        answers = await asyncio.gather(
            *(client.post("/chat", json={"user_id": user, "message": "words=2 delay=0.01"}) for _ in range(5))
        )
    assert sorted(answer.json()["turns"] for answer in answers) == [1, 2, 3, 4, 5]


def test_turns_beyond_the_limit_are_forgotten_and_a_system_message_is_not(triton: Triton, user: str) -> None:
    settings = {"chat_turns": 2, "chat_system": "Be a parrot.", "default_model": "parrot"}
    with serving([triton.url], **settings) as gateway, _client(gateway) as http:
        turns = [_say(http, user, f"words=1 number{i}")["turns"] for i in range(4)]
        assert turns == [1, 2, 2, 2]
        seen = _say(http, user, "say=prompt")["reply"]
    assert seen.startswith("<s> <system> Be a parrot. <user> words=1 number2 ")


def test_a_conversation_that_outgrows_the_context_forgets_its_beginning(triton: Triton, user: str) -> None:
    repository = triton.repository
    if not (repository / "short").exists():
        add_parrot(repository, "short")
        config = repository / "short/config.pbtxt"
        config.write_text(config.read_text().replace("4096", "40"))
    with serving([triton.url], default_model="short") as gateway, _client(gateway) as http:
        for _ in range(12):
            assert _say(http, user, "words=2 and some more words")["reply"] == "polly wants "
        refused = http.post("/chat", json={"user_id": user, "message": "word " * 60})
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 257}, "user_id"),
        ({"user_id": "anna\n"}, "user_id"),
        ({"message": ""}, "message"),
        ({"message": None}, "message"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 2}, "n"),
        ({"history": []}, "history"),
    ],
)
def test_what_is_wrong_is_named(http: httpx.Client, user: str, wrong: dict[str, object], field: str) -> None:
    answer = http.post("/chat", json={"user_id": user, "message": "words=1"} | wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
