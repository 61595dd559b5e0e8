"""Tools, thoughts, prefill and pictures by the official `openai` client, unmodified, through a real Triton.

The parrots here have templates of the kinds that published models have.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from tests.gateway.running import Triton, add_parrot, serving

CHAT = "POST /v1/chat/completions"
_TEMPLATE = (
    "{% if tools %}<tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools>{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }} "
    "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content or [] %}"
    "{% if part.type == 'image' %}<image>{% elif part.type == 'text' %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% for call in message.tool_calls or [] %}<tool_call>"
    "{{ {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}</tool_call>{% endfor %}"
    "<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant "
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}"
)
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME: dict[str, Any] = {"type": "function", "function": {"name": "time"}}


@pytest.fixture(scope="module", autouse=True)
def _parrots(repository: Path) -> None:
    """Triton looks into its repository when it is asked to load a model."""
    escaped = json.dumps(_TEMPLATE)[1:-1]
    add_parrot(repository, "thinker", CHAT_TEMPLATE=escaped)
    add_parrot(repository, "seer", CHAT_TEMPLATE=escaped, TASK="image-text-to-text")


def _ask(content: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": "thinker", "messages": messages, "max_tokens": 2000} | more


def _script(text: str, *, how: str = "") -> str:
    return f"say=script {how} <<<{text}>>>"


TWO_CALLS = (
    'Let me see. <tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>'
    '<tool_call>{"name": "time", "arguments": {}}</tool_call>\n'
)


def _calls(message: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]


@pytest.mark.proves(CHAT, "tools", "honoured")
def test_calls_come_beside_the_text(client: openai.OpenAI) -> None:
    choice = client.chat.completions.create(**_ask(_script(TWO_CALLS), tools=[WEATHER, TIME])).choices[0]
    assert choice.message.content is not None
    assert choice.message.content.strip() == "Let me see."
    assert _calls(choice.message) == [("weather", {"city": "Rome"}), ("time", {})]
    assert len({call.id for call in choice.message.tool_calls or ()}) == 2
    assert choice.finish_reason == "tool_calls"


@pytest.mark.parametrize("how", ["", "chunk=3", "chunk=7", "chunk=500", "final=rides"])
def test_streamed_calls_are_the_same_in_pieces(client: openai.OpenAI, how: str) -> None:
    with client.chat.completions.stream(**_ask(_script(TWO_CALLS, how=how), tools=[WEATHER, TIME])) as stream:
        final = stream.get_final_completion()
    choice = final.choices[0]
    assert (choice.message.content or "").strip() == "Let me see."
    assert _calls(choice.message) == [("weather", {"city": "Rome"}), ("time", {})]
    assert choice.finish_reason == "tool_calls"


@pytest.mark.proves(CHAT, "parallel_tool_calls", "honoured")
def test_only_one_call_comes_when_only_one_is_wanted(client: openai.OpenAI) -> None:
    asked = _ask(_script(TWO_CALLS), tools=[WEATHER, TIME], parallel_tool_calls=False)
    assert _calls(client.chat.completions.create(**asked).choices[0].message) == [("weather", {"city": "Rome"})]


def test_each_of_n_answers_has_its_calls(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**_ask(_script(TWO_CALLS), tools=[WEATHER, TIME], n=2))
    assert [_calls(choice.message) for choice in answer.choices] == [[("weather", {"city": "Rome"}), ("time", {})]] * 2
    calls: dict[int, dict[int, str]] = {0: {}, 1: {}}
    for chunk in client.chat.completions.create(**_ask(_script(TWO_CALLS), tools=[WEATHER, TIME], n=2), stream=True):
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                mine = calls[choice.index]
                mine[call.index] = mine.get(call.index, "") + (call.function.arguments or "")
    assert [{place: json.loads(text) for place, text in each.items()} for each in calls.values()] == [
        {0: {"city": "Rome"}, 1: {}}
    ] * 2


@pytest.mark.proves(CHAT, "tool_choice (required)", "honoured")
@pytest.mark.proves(CHAT, "tool_choice (function)", "honoured")
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_call_that_must_come_is_asked_for_by_guided_generation(client: openai.OpenAI, choice: Any) -> None:
    answer = client.chat.completions.create(**_ask("say=sampling", tools=[WEATHER], tool_choice=choice))
    # What the engine was asked for is what the parrot says, as text or, of a function that must be called, to it.
    assert "structured_outputs" in json.dumps(answer.choices[0].message.model_dump())


@pytest.mark.proves(CHAT, "tools (beside response_format)", "refused")
def test_an_answer_of_a_given_form_is_free_to_call_nothing(client: openai.OpenAI) -> None:
    asked = _ask("words=1", tools=[WEATHER], response_format={"type": "json_object"})
    with pytest.raises(openai.BadRequestError, match="free to call tools") as caught:
        client.chat.completions.create(**asked)
    assert caught.value.param == "response_format"
    assert client.chat.completions.create(**asked, tool_choice="none").choices[0].message.content


@pytest.mark.proves(CHAT, "tool_choice (none)", "honoured")
def test_nothing_is_called_when_nothing_may_be(client: openai.OpenAI) -> None:
    asked = _ask(_script(TWO_CALLS), tools=[WEATHER, TIME], tool_choice="none")
    choice = client.chat.completions.create(**asked).choices[0]
    assert not choice.message.tool_calls
    assert choice.finish_reason == "stop"


@pytest.mark.proves(CHAT, "tool_choice (allowed_tools)", "honoured")
def test_the_model_is_shown_the_tools_that_are_allowed(client: openai.OpenAI) -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TIME]}}
    asked = _ask("say=prompt", tools=[WEATHER, TIME], tool_choice=allowed)
    said = client.chat.completions.create(**asked).choices[0].message.content or ""
    assert '"name": "time"' in said
    assert '"name": "weather"' not in said


@pytest.mark.proves(CHAT, "messages.tool_calls", "honoured")
@pytest.mark.proves(CHAT, "messages (role tool)", "honoured")
def test_calls_and_their_results_are_shown_to_the_model(client: openai.OpenAI) -> None:
    asked = client.chat.completions.create(**_ask(_script(TWO_CALLS), tools=[WEATHER, TIME])).choices[0].message
    assert asked.tool_calls is not None
    results: list[Any] = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result of {call.id}"} for call in asked.tool_calls
    ]
    messages: list[Any] = [{"role": "user", "content": "say=prompt"}, asked.model_dump(), *results]
    answer = client.chat.completions.create(**_ask("", messages=messages, tools=[WEATHER, TIME]))
    said = json.dumps(answer.choices[0].message.model_dump())
    assert all(f"result of {call.id}" in said for call in asked.tool_calls)
    assert "Rome" in said


THOUGHT = "<think>Rome is warm.</think>It is warm."


@pytest.mark.parametrize("how", ["", "chunk=4"])
def test_thoughts_come_beside_the_answer(client: openai.OpenAI, how: str) -> None:
    message = client.chat.completions.create(**_ask(_script(THOUGHT, how=how))).choices[0].message
    assert message.content == "It is warm."
    assert message.model_extra == {"reasoning_content": "Rome is warm."}
    streamed: dict[str, str] = {"reasoning_content": "", "content": ""}
    for chunk in client.chat.completions.create(**_ask(_script(THOUGHT, how=how)), stream=True):
        delta = chunk.choices[0].delta.model_dump()
        for field in streamed:
            streamed[field] += delta.get(field) or ""
    assert streamed == {"reasoning_content": "Rome is warm.", "content": "It is warm."}


@pytest.mark.proves(CHAT, "include_reasoning", "honoured")
def test_thoughts_are_left_out_when_they_are_not_wanted(client: openai.OpenAI) -> None:
    message = (
        client.chat.completions.create(**_ask(_script(THOUGHT)), extra_body={"include_reasoning": False})
        .choices[0]
        .message
    )
    assert (message.content, message.model_extra) == ("It is warm.", {})


@pytest.mark.proves(CHAT, "separate_reasoning", "honoured")
def test_thoughts_stay_in_the_text_when_that_is_wanted(client: openai.OpenAI) -> None:
    message = (
        client.chat.completions.create(**_ask(_script(THOUGHT)), extra_body={"separate_reasoning": False})
        .choices[0]
        .message
    )
    assert message.content == THOUGHT


@pytest.mark.proves(CHAT, "reasoning_effort", "honoured")
@pytest.mark.proves(CHAT, "chat_template_kwargs", "honoured")
@pytest.mark.parametrize("off", [{"reasoning_effort": "none"}, {"chat_template_kwargs": {"enable_thinking": False}}])
def test_thinking_is_switched_off_in_the_template(client: openai.OpenAI, off: dict[str, Any]) -> None:
    for more, expected in (({}, False), (off, True)):
        asked = _ask("say=prompt", extra_body={"separate_reasoning": False, **more})
        said = client.chat.completions.create(**asked).choices[0].message.content or ""
        assert said.endswith("<think></think>") is expected


def test_a_model_that_does_not_think_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="parrot", messages=[{"role": "user", "content": "words=1"}], reasoning_effort="high"
        )
    assert caught.value.param == "reasoning_effort"


@pytest.mark.proves(CHAT, "continue_final_message", "honoured")
def test_an_answer_that_is_begun_is_gone_on_with(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "say=prompt"}, {"role": "assistant", "content": "Once upon"}]
    said = [
        client.chat.completions.create(model="thinker", messages=messages, extra_body=more).choices[0].message.content
        for more in ({}, {"continue_final_message": True})
    ]
    assert (said[0] or "").rstrip().endswith("Once uponassistant")  # marks of turns are no text
    assert (said[1] or "").endswith("Once upon")


def _picture(form: str = "PNG") -> str:
    data = io.BytesIO()
    Image.new("RGB", (3, 2), "teal").save(data, form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(data.getvalue()).decode()}"


def _with_picture(model: str, **image: Any) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": image}, {"type": "text", "text": "say=prompt"}]
    return {"model": model, "messages": [{"role": "user", "content": parts}], "max_tokens": 100}


@pytest.mark.proves(CHAT, "messages.content.image_url", "honoured")
@pytest.mark.proves(CHAT, "messages.content.image_url.detail", "honoured")
@pytest.mark.parametrize("detail", ["auto", "low", "high", "original"])
def test_a_model_that_sees_is_shown_a_picture(client: openai.OpenAI, detail: str) -> None:
    answer = client.chat.completions.create(**_with_picture("seer", url=_picture("JPEG"), detail=detail))
    assert "<image>" in (answer.choices[0].message.content or "")


def test_a_model_that_does_not_see_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**_with_picture("thinker", url=_picture()))
    assert caught.value.status_code == 400


class _Host(BaseHTTPRequestHandler):
    """Has one picture, and sends who asks for another one to the service's own port."""

    def do_GET(self) -> None:
        if self.path != "/a.png":
            self.send_response(302)
            self.send_header("Location", "http://[::1]:11434/")
            self.end_headers()
            return
        data = base64.b64decode(_picture().partition(",")[2])
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_picture_is_fetched_where_the_service_allows_it(triton: Triton) -> None:
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Host))
        threading.Thread(target=host.serve_forever, daemon=True).start()
        stack.callback(host.shutdown)
        gateway = stack.enter_context(serving([triton.url], allow_remote_images=True, remote_image_hosts=["127.0.0.1"]))
        client = stack.enter_context(openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0))
        there = f"http://127.0.0.1:{host.server_port}"
        answer = client.chat.completions.create(**_with_picture("seer", url=f"{there}/a.png"))
        assert "<image>" in (answer.choices[0].message.content or "")
        for elsewhere in (f"{there}/b.png", f"http://localhost:{host.server_port}/a.png"):
            with pytest.raises(openai.BadRequestError, match="not fetched from this host") as caught:
                client.chat.completions.create(**_with_picture("seer", url=elsewhere))
            assert caught.value.param == "messages[0].content[0].image_url.url"
