"""The official `ollama` client, unmodified, against the gateway and a real Triton: /api/generate and /api/chat."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import ollama
import pytest
from PIL import Image

WORDS = 'polly wants a cracker, größe 日本 🦜 and "quotes"\n'


def _picture(form: str = "PNG", size: tuple[int, int] = (4, 4)) -> str:
    data = io.BytesIO()
    Image.new("RGB", size, "teal").save(data, form)
    return base64.b64encode(data.getvalue()).decode()


PIXEL = _picture()
GENERATE, CHAT = "POST /api/generate", "POST /api/chat"
proves = pytest.mark.proves


def _ask(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}]


def _sampled(client: ollama.Client, **given: Any) -> Any:
    """The sampling parameters as they reached the engine."""
    return json.loads(client.chat("parrot", _ask("say=sampling"), **given).message.content or "")


@proves(CHAT, "", "honoured")
@proves(CHAT, "model", "honoured")
@proves(CHAT, "messages", "honoured")
@proves(CHAT, "messages.role", "honoured")
@proves(CHAT, "messages.content", "honoured")
@proves(CHAT, "stream", "honoured")
def test_a_conversation_is_answered_whole(client: ollama.Client) -> None:
    answer = client.chat("parrot", [{"role": "system", "content": "Be a parrot."}, *_ask("say=prompt words=8")])
    assert answer.message.role == "assistant"
    assert answer.message.content == "<s> <system> Be a parrot. <user> say=prompt words=8 <assistant>"
    assert answer.model == "parrot"
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert answer.message.thinking is None
    assert answer.message.tool_calls is None


@proves(GENERATE, "", "honoured")
@proves(GENERATE, "model", "honoured")
@proves(GENERATE, "prompt", "honoured")
@proves(GENERATE, "stream", "honoured")
def test_a_prompt_is_answered_whole(client: ollama.Client) -> None:
    answer = client.generate("parrot", "words=8")
    assert answer.response == WORDS
    assert answer.context is None
    assert (answer.done, answer.done_reason) == (True, "stop")


@pytest.mark.parametrize("how", ["words=8", "words=8 final=rides", "words=8 chunk=3"])
def test_a_stream_is_the_same_in_pieces(client: ollama.Client, how: str) -> None:
    chats = list(client.chat("parrot", _ask(how), stream=True))
    assert "".join(each.message.content or "" for each in chats) == WORDS
    assert [each.done for each in chats] == [False] * (len(chats) - 1) + [True]
    generated = list(client.generate("parrot", how, stream=True))
    assert "".join(each.response or "" for each in generated) == WORDS
    assert [each.done_reason for each in generated] == [None] * (len(generated) - 1) + ["stop"]


@pytest.mark.parametrize("streams", [False, True])
def test_the_end_has_counts_and_durations(client: ollama.Client, streams: bool) -> None:
    answer: Any = client.chat("parrot", _ask("words=8"), stream=streams)
    last = list(answer)[-1] if streams else answer
    assert (last.prompt_eval_count, last.eval_count) == (4, 8)
    assert last.prompt_eval_duration > 0
    assert last.total_duration == pytest.approx(
        last.load_duration + last.prompt_eval_duration + last.eval_duration, abs=2
    )


def test_lines_are_sent_where_nothing_is_said_of_it(wire: httpx.Client) -> None:
    answer = wire.post("/api/chat", json={"model": "parrot", "messages": _ask("words=2")})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert len(answer.text.splitlines()) == 3


async def test_the_asynchronous_client_is_answered(async_client: ollama.AsyncClient) -> None:
    assert (await async_client.chat("parrot", _ask("words=8"))).message.content == WORDS
    pieces = [each.response or "" async for each in await async_client.generate("parrot", "words=8", stream=True)]
    assert "".join(pieces) == WORDS


def test_the_tag_latest_means_nothing_and_comes_back(client: ollama.Client) -> None:
    assert client.chat("parrot:latest", _ask("words=1")).model == "parrot:latest"


def test_an_adapter_has_a_tag(client: ollama.Client) -> None:
    answer = client.chat("french:formal", _ask("say=sampling"))
    assert json.loads(answer.message.content or "")["lora_name"] == "formal"
    with pytest.raises(ollama.ResponseError, match="model 'french:rude' not found"):
        client.chat("french:rude", _ask("words=1"))


OPTIONS = [
    ("temperature", 0.5, "temperature", 0.5),
    ("top_p", 0.5, "top_p", 0.5),
    ("top_k", 7, "top_k", 7),
    ("min_p", 0.1, "min_p", 0.1),
    ("repeat_penalty", 1.2, "repetition_penalty", 1.2),
    ("repeat_last_n", 0, "repetition_penalty", 1.0),
    ("presence_penalty", 0.5, "presence_penalty", 0.5),
    ("frequency_penalty", 0.5, "frequency_penalty", 0.5),
    ("num_predict", 9, "max_tokens", 9),
    ("seed", 11, "seed", 11),
    ("stop", ["x"], "stop", ["x"]),
]


@pytest.mark.parametrize(
    ("option", "value", "name", "expected"),
    [
        pytest.param(
            *each,
            id=each[0],
            marks=[proves(CHAT, f"options.{each[0]}", "honoured"), proves(GENERATE, f"options.{each[0]}", "honoured")],
        )
        for each in OPTIONS
    ],
)
@proves(CHAT, "options", "honoured")
@proves(GENERATE, "options", "honoured")
def test_options_reach_the_engine(
    client: ollama.Client, option: str, value: object, name: str, expected: object
) -> None:
    options = {option: value, "numa": None}
    assert _sampled(client, options=options)[name] == expected
    generated = client.generate("parrot", "say=sampling", options=options)
    assert json.loads(generated.response or "")[name] == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        pytest.param(
            "json",
            {"json_object": True},
            marks=[proves(CHAT, "format", "honoured"), proves(GENERATE, "format", "honoured")],
        ),
        ({"type": "object"}, {"json": {"type": "object"}}),
    ],
)
def test_a_form_reaches_the_engine(client: ollama.Client, form: Any, expected: object) -> None:
    assert expected in _sampled(client, format=form).values()
    generated = client.generate("parrot", "say=sampling", format=form)
    assert expected in json.loads(generated.response or "").values()


@proves(CHAT, "think", "honoured")
@proves(GENERATE, "think", "honoured")
def test_a_thought_is_apart_from_the_answer(client: ollama.Client) -> None:
    script = "say=script <<<<think>hm, well</think>Hello>>>"
    answer = client.chat("clever", _ask(script), think=True)
    assert ((answer.message.thinking or "").strip(), answer.message.content) == ("hm, well", "Hello")
    pieces = list(client.chat("clever", _ask(script), think="low", stream=True))
    assert "".join(each.message.thinking or "" for each in pieces).strip() == "hm, well"
    assert "".join(each.message.content or "" for each in pieces) == "Hello"
    generated = client.generate("clever", script, think=True)
    assert ((generated.thinking or "").strip(), generated.response) == ("hm, well", "Hello")
    assert "<think>" in (client.chat("clever", _ask("say=prompt"), think=False).message.content or "")
    with pytest.raises(ollama.ResponseError, match="'think'") as caught:
        client.chat("parrot", _ask("words=1"), think=True)
    assert caught.value.status_code == 400


def get_weather(city: str, days: int = 1) -> str:
    """The weather of a place.

    Args:
        city: Where.
        days: How many of them.
    """
    return f"{city} {days}"


CALLS = (
    'say=script <<<I look.<tool_call>{"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}</tool_call>'
    '<tool_call>{"name": "get_weather", "arguments": {}}</tool_call> >>>'
)


@pytest.mark.parametrize("streams", [False, True])
@proves(CHAT, "tools", "honoured")
@proves(CHAT, "tools.type", "honoured")
@proves(CHAT, "tools.function", "honoured")
@proves(CHAT, "tools.function.name", "honoured")
@proves(CHAT, "tools.function.description", "honoured")
@proves(CHAT, "tools.function.parameters", "honoured")
def test_calls_come_whole_with_arguments_as_objects(client: ollama.Client, streams: bool) -> None:
    answer: Any = client.chat("clever", _ask(CALLS), tools=[get_weather], stream=streams)
    answers = list(answer) if streams else [answer]
    calls = [call for each in answers for call in each.message.tool_calls or ()]
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", {"city": "Zürich", "days": 2}),
        ("get_weather", {}),
    ]
    assert "".join(each.message.content or "" for each in answers).strip() == "I look."
    assert answers[-1].done_reason == "stop"
    shown = client.chat("clever", _ask("say=prompt"), tools=[get_weather]).message.content or ""
    assert "The weather of a place." in shown
    assert '"city"' in shown


@proves(CHAT, "messages.tool_calls", "honoured")
@proves(CHAT, "messages.tool_name", "honoured")
@proves(CHAT, "messages.thinking", "honoured")
@proves(CHAT, "messages.tool_call_id", "honoured")
def test_calls_and_their_results_are_read(wire: httpx.Client) -> None:
    called = {
        "role": "assistant",
        "thinking": "where is it?",
        "tool_calls": [
            {"function": {"name": "get_time", "arguments": {}}, "id": "first"},
            {"function": {"name": "get_weather", "arguments": {"city": "Bern"}}, "id": "second"},
        ],
    }
    for said in ({"tool_name": "get_weather"}, {"tool_call_id": "second"}):  # neither is the first in order
        messages = [*_ask("say=prompt"), called, {"role": "tool", "content": "sunny", **said}]
        answer = wire.post("/api/chat", json={"model": "clever", "messages": messages, "stream": False}).json()
        prompt = answer["message"]["content"]
        assert "<assistant>  (thought: where is it?)" in prompt
        assert '"get_weather"' in prompt
        assert "Bern" in prompt
        assert "<tool> sunny (second of get_weather)" in prompt


@proves(CHAT, "messages.images", "honoured")
@proves(GENERATE, "images", "honoured")
def test_pictures_are_for_models_that_see(client: ollama.Client) -> None:
    message = {"role": "user", "content": "say=images", "images": [PIXEL]}
    assert client.chat("seer", [message]).message.content == "1"
    assert client.chat("seer", [message, {**message, "images": [PIXEL, PIXEL]}]).message.content == "3"
    assert client.chat("seer", _ask("say=images")).message.content == "0"
    assert client.generate("seer", "say=images", images=[PIXEL, PIXEL]).response == "2"
    assert client.generate("seer", "say=images", images=[PIXEL], raw=True).response == "1"
    for ask in (
        lambda: client.chat("parrot", [message]),
        lambda: client.generate("parrot", "words=2", images=[PIXEL]),
    ):
        with pytest.raises(ollama.ResponseError, match="cannot see images"):
            ask()


@proves(GENERATE, "system", "honoured")
@proves(GENERATE, "template", "honoured")
@proves(GENERATE, "raw", "honoured")
def test_a_prompt_may_be_put_otherwise(client: ollama.Client, wire: httpx.Client) -> None:
    assert client.generate("parrot", "say=prompt", system="Be brief.").response == (
        "<s> <system> Be brief. <user> say=prompt <assistant>"
    )
    go = "[{{ if .System }}{{ .System }}: {{ end }}{{ .Prompt }}] {{ .Response }}"
    assert client.generate("parrot", "say=prompt", system="Be", template=go).response == "[Be: say=prompt] "
    jinja = "{% for m in messages %}({{ m.content }}){% endfor %}"
    assert client.generate("parrot", "say=prompt", template=jinja).response == "(say=prompt)"
    assert client.generate("parrot", "say=prompt <s>", raw=True).response == "say=prompt <s>"
    for name in ("system", "template"):
        answer = wire.post("/api/generate", json={"model": "parrot", "prompt": "x", "raw": True, name: "y"})
        assert (answer.status_code, f"'{name}'" in answer.json()["error"]) == (400, True)


def test_a_message_of_the_assistant_at_the_end_is_gone_on_with(client: ollama.Client) -> None:
    answer = client.chat("parrot", [*_ask("say=prompt"), {"role": "assistant", "content": "Well,"}])
    assert answer.message.content == "<s> <user> say=prompt <assistant> Well,"


@proves(CHAT, "logprobs", "honoured")
@proves(CHAT, "top_logprobs", "honoured")
@proves(GENERATE, "logprobs", "honoured")
@proves(GENERATE, "top_logprobs", "honoured")
def test_probabilities_come_with_the_tokens(client: ollama.Client) -> None:
    for answers in (
        [client.chat("parrot", _ask("words=2"), logprobs=True, top_logprobs=2)],
        list(client.chat("parrot", _ask("words=2"), logprobs=True, top_logprobs=2, stream=True)),
        [client.generate("parrot", "words=2", logprobs=True, top_logprobs=2)],
        list(client.generate("parrot", "words=2", logprobs=True, top_logprobs=2, stream=True)),
    ):
        found = [each for answer in answers for each in answer.logprobs or ()]
        assert [(each.token, each.logprob) for each in found] == [("polly ", -0.5), ("wants ", -0.5)]
        assert all(len(each.top_logprobs or ()) == 2 for each in found)
    plain = client.chat("parrot", _ask("words=2"), logprobs=True).logprobs or ()
    assert [each.top_logprobs for each in plain] == [None, None]
    with pytest.raises(ollama.ResponseError, match="top_logprobs"):
        client.chat("parrot", _ask("words=2"), top_logprobs=2)


@proves(CHAT, "keep_alive", "honoured")
@proves(GENERATE, "keep_alive", "honoured")
def test_a_request_that_asks_nothing_loads_and_unloads(client: ollama.Client) -> None:
    for load, unload in (
        (lambda: client.generate("seer", keep_alive="10m"), lambda: client.generate("seer", keep_alive=0)),
        (lambda: client.chat("seer", [], keep_alive=-1), lambda: client.chat("seer", [], keep_alive="0s")),
    ):
        answer = load()
        assert (answer.done, answer.done_reason) == (True, "load")
        assert "seer:latest" in {each.name for each in client.ps().models}
        assert unload().done_reason == "unload"
        assert "seer:latest" not in {each.name for each in client.ps().models}


def test_the_body_is_json_whatever_its_header_says(wire: httpx.Client) -> None:
    body = json.dumps({"model": "parrot", "prompt": "words=1", "stream": False})
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8"):
        answer = wire.post("/api/generate", content=body, headers={"Content-Type": kind})
        assert answer.json()["response"] == "polly "
    answer = wire.post("/api/generate", content=b"{", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400


@pytest.mark.parametrize("streams", [False, True])
def test_a_model_that_is_missing_is_said_as_ollama_says_it(client: ollama.Client, streams: bool) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        list(client.chat("nobody", _ask("x"), stream=streams))
    assert (caught.value.error, caught.value.status_code) == ("model 'nobody' not found", 404)
    with pytest.raises(ollama.ResponseError, match="model 'nobody' not found"):
        client.generate("nobody", keep_alive=0)


def test_a_stream_that_breaks_ends_with_its_error(client: ollama.Client) -> None:
    pieces: list[str | None] = []
    stream = client.chat("parrot", _ask("words=9 raise=INTERNAL after=3"), stream=True)
    with pytest.raises(ollama.ResponseError, match="parrot was told to raise INTERNAL"):
        pieces.extend(each.message.content for each in stream)
    assert pieces == ["polly ", "wants ", "a "]


@pytest.mark.parametrize("limit", [2, 3])
def test_an_answer_that_is_cut_off_says_so(client: ollama.Client, limit: int) -> None:
    answer = client.generate("parrot", "words=8", options={"num_predict": limit})
    assert (answer.done_reason, answer.eval_count) == ("length", limit)
