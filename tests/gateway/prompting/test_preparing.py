# ruff: noqa: E501 - checkpoints write their templates in long lines
"""Tools, calls, images and beginnings of answers reach a template as transformers would give them; what a model cannot
do is refused by name; a call that must come is held to its schema and read back."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.utils.chat_template_utils import render_jinja_template

from gateway.domain.content import Image, Message, Text, ToolCall
from gateway.domain.generation import GenerationRequest, Sampling, Thinking, Tokens, Tool, ToolChoice
from gateway.domain.ports import Prepared
from gateway.prompting.preparing import Prompts
from modelyard.card import IMAGE_TEXT_TO_TEXT, ModelCard
from modelyard.errors import InvalidInput
from tests.gateway.prompting.transcripts import Read, cut, read

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORECAST, RAIN = Tool("forecast", "the weather", SCHEMA), Tool("rain")
WIRE_TOOLS = [
    {"type": "function", "function": {"name": "forecast", "description": "the weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "rain", "parameters": {"type": "object", "properties": {}}}},
]
CALLED = Message("assistant", (), tool_calls=(ToolCall("call_1", "forecast", '{"city": "Bergen"}'),))
RESULT = Message("tool", (Text("rain"),), tool_call_id="call_1")
SAID = (Message.of("user", "Bergen?"), CALLED, RESULT, Message.of("user", "So?"))

# Written for this test, each with the features of a family's template and none of its words.
OBJECTS = """{%- if tools %}{{ '<T>' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}use <tool_call>{% endif %}
{%- for m in messages %}
{%- if m.role == 'assistant' and m.tool_calls %}{{ '@assistant' + m.content }}{% for call in m.tool_calls %}{% if call.function %}{% set call = call.function %}{% endif %}<tool_call>{"name": "{{ call.name }}", "arguments": {{ call.arguments | tojson }}}</tool_call>{% endfor %}
{%- elif m.role == 'tool' %}{{ '@tool ' + m.tool_call_id + ' ' + m.content }}
{%- else %}{{ '@' + m.role + ' ' + m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '@assistant' }}{% endif %}"""
STRINGS = """{% for m in messages %}{% if m['role'] == 'assistant' and m['content'] is none %}{% for call in m['tool_calls'] %}{{ call['function']['name'] + '\\n' + call['function']['arguments'] }}{% endfor %}{% else %}{{ '@' + m['role'] + ' ' + m['content'] }}{% endif %}{% endfor %}{% if tools %}{{ tools | length }}{% endif %}"""
SHORT = """{% for m in messages %}{% if m.tool_calls %}{% for call in m.tool_calls %}{% if call.id | length != 9 %}{{ raise_exception('ids have length 9') }}{% endif %}{{ call.id }}{% endfor %}{% elif m.tool_call_id %}{{ m.tool_call_id }} {{ m.name }}{% else %}{{ m.content }}{% endif %}{% endfor %}{# length 9 #}"""
PARTS = """{% for m in messages %}{{ '@' + m.role }}{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}{% if part.type == 'image' %}<img>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}"""
ONLY_PARTS = """{% for m in messages %}{% for part in m['content'] | selectattr('type', 'equalto', 'image') %}<img>{% endfor %}{% for part in m['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] }}{% endfor %}{% endfor %}"""
TRIMMED = "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}[end]\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
NO_TOOLS = "{% for m in messages %}{{ m.content }}{% endfor %}"
UNKNOWN = "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}"


async def _prepare(model: str | None, *messages: Message, task: str = "text-generation", **fields: Any) -> Prepared:
    request = GenerationRequest("m", messages or (Message.of("user", "hi"),), **fields)
    return await Prompts().prepare(ModelCard(task, chat_template=model), request)


def _transformers(template: str, messages: list[dict[str, Any]], **variables: Any) -> str:
    variables = {"add_generation_prompt": True, **variables}
    rendered: str = render_jinja_template([messages], chat_template=template, **variables)[0][0]
    return rendered


async def test_tools_and_calls_are_rendered_as_transformers_does() -> None:
    function = {"name": "forecast", "arguments": {"city": "Bergen"}}
    given: list[dict[str, Any]] = [
        {"role": "user", "content": "Bergen?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rain", "name": "forecast"},
        {"role": "user", "content": "So?"},
    ]
    prepared = await _prepare(OBJECTS, *SAID, tools=(FORECAST, RAIN))
    assert prepared.asked.prompt == _transformers(OBJECTS, given, tools=WIRE_TOOLS)


async def test_a_template_that_wants_arguments_as_text_gets_them_so() -> None:
    prepared = await _prepare(STRINGS, *SAID)
    assert prepared.asked.prompt == '@user Bergen?forecast\n{"city": "Bergen"}@tool rain@user So?'


async def test_ids_of_another_model_are_made_to_fit_and_results_have_their_functions_name() -> None:
    prompt = str((await _prepare(SHORT, *SAID)).asked.prompt)
    assert prompt == f"Bergen?{prompt[7:16]}{prompt[7:16]} forecastSo?"


async def test_arguments_that_are_no_json_are_given_as_they_are() -> None:
    broken = Message("assistant", (), tool_calls=(ToolCall("c", "f", "{oops"),))
    assert '"arguments": "{oops"' in str((await _prepare(OBJECTS, broken)).asked.prompt)


@pytest.mark.parametrize(
    ("template", "prompt"),
    [(PARTS, "@usera<img>b<img>@userc"), (ONLY_PARTS, "<img><img>abc"), (NO_TOOLS, "a\n<image>\nb\n<image>c")],
    ids=["takes both", "takes parts", "takes texts"],
)
async def test_images_stand_where_the_template_has_them_and_go_along_in_order(template: str, prompt: str) -> None:
    seen = Message("user", (Text("a"), Image(b"1"), Text("b"), Image(b"2")))
    prepared = await _prepare(template, seen, Message.of("user", "c"), task=IMAGE_TEXT_TO_TEXT)
    assert prepared.asked.prompt == prompt
    assert prepared.asked.images == (b"1", b"2")


@pytest.mark.parametrize("template", [TRIMMED, NO_TOOLS, ONLY_PARTS, OBJECTS])
@pytest.mark.parametrize("beginning", ["The answer is", "The answer is "])
async def test_an_answer_goes_on_where_transformers_would_let_it(template: str, beginning: str) -> None:
    def content(text: str) -> Any:
        return [{"type": "text", "text": text}] if template == ONLY_PARTS else text

    given = [{"role": "user", "content": content("hi")}, {"role": "assistant", "content": content(beginning)}]
    wanted = _transformers(template, given, continue_final_message=True, add_generation_prompt=False)
    messages = (Message.of("user", "hi"), Message.of("assistant", beginning))
    prompt = str((await _prepare(template, *messages, continues=True)).asked.prompt)
    assert prompt == wanted
    assert prompt.endswith(beginning.rstrip() if template == TRIMMED else beginning)


async def test_an_earlier_thought_and_further_variables_reach_the_template() -> None:
    template = "{{ messages[0].reasoning_content }} {{ mood }} {{ tools is none }}"
    thought = Message("assistant", (Text("x"),), reasoning="hm")
    prepared = await _prepare(None, thought, template=template, template_arguments={"mood": "calm"})
    assert prepared.asked.prompt == "hm calm True"


async def test_a_prompt_of_text_or_tokens_goes_through_as_it_is() -> None:
    for prompt in ("as it is", Tokens((1, 2))):
        prepared = await Prompts().prepare(ModelCard(), GenerationRequest("m", prompt))
        assert prepared.asked.prompt == prompt
        assert prepared.parser is None


async def test_tools_are_left_out_where_none_may_be_called() -> None:
    prepared = await _prepare(OBJECTS, tools=(FORECAST,), tool_choice=ToolChoice("none"))
    assert prepared.asked.prompt == "@user hi@assistant"
    assert prepared.parser is None


@pytest.mark.parametrize(
    ("template", "fields", "field"),
    [
        (None, {}, "messages"),
        (NO_TOOLS, {"tools": (RAIN,)}, "tools"),
        (UNKNOWN, {"tools": (RAIN,)}, "tools"),
        (OBJECTS, {"tool_choice": ToolChoice("required")}, "tool_choice"),
        (OBJECTS, {"tools": (RAIN,), "tool_choice": ToolChoice("required", "snow")}, "tool_choice"),
        (OBJECTS, {"tools": (RAIN,), "sampling": Sampling(structured_outputs={"json": {}})}, "response_format"),
        (OBJECTS, {"tools": (RAIN, Tool("f", None, {"type": 7}))}, "tools[1].function.parameters"),
        (OBJECTS, {"tools": (Tool("f", None, {"$ref": "http://127.0.0.1:9/x"}),)}, "tools[0].function.parameters"),
        (OBJECTS, {"continues": True}, "messages"),
        (OBJECTS, {"template_arguments": {"messages": []}}, "chat_template_kwargs"),
        (OBJECTS, {"template": "{% if %}"}, "chat_template"),
        (OBJECTS, {"template": "{{ 'a' * 99999999999 }}"}, "chat_template"),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(template: str | None, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _prepare(template, **fields)
    assert refused.value.field == field


async def test_images_and_tools_for_a_model_without_them_are_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot see") as refused:
        await _prepare(PARTS, Message("user", (Image(b"1"),)))
    assert refused.value.field == "messages"
    with pytest.raises(InvalidInput, match="cannot see") as refused:
        await Prompts().prepare(ModelCard(), GenerationRequest("m", "x", images=(b"1",)))
    assert refused.value.field == "images"
    with pytest.raises(InvalidInput) as refused:
        await Prompts().prepare(ModelCard(), GenerationRequest("m", "x", tools=(RAIN,)))
    assert refused.value.field == "tools"
    with pytest.raises(InvalidInput) as refused:
        await Prompts().prepare(ModelCard(IMAGE_TEXT_TO_TEXT), GenerationRequest("m", Tokens((1,)), images=(b"1",)))
    assert refused.value.field == "images"


async def test_a_template_that_trims_away_the_last_message_cannot_go_on() -> None:
    gone = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    with pytest.raises(InvalidInput, match="cannot go on"):
        await _prepare(gone, Message.of("user", "hi"), Message.of("assistant", "so"), continues=True)


def _schema(prepared: Prepared) -> dict[str, Any]:
    guide = prepared.asked.sampling.structured_outputs
    assert guide is not None
    schema: dict[str, Any] = guide["json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


@settings(max_examples=20, deadline=None)
@given(some=st.lists(st.integers(0, 1000), max_size=12))
@pytest.mark.parametrize("template", [OBJECTS, UNKNOWN], ids=["a known family", "no known family"])
async def test_a_required_call_is_held_to_a_schema_and_read_back(template: str, some: list[int]) -> None:
    prepared = await _prepare(template, tools=(FORECAST, RAIN), tool_choice=ToolChoice("required"))
    answer = '[{"name": "forecast", "parameters": {"city": "Bergen"}}, {"name": "rain", "parameters": {}}]'
    jsonschema.validate(json.loads(answer), _schema(prepared))
    for wrong in ("[]", '[{"name": "snow", "parameters": {}}]', '[{"name": "forecast", "parameters": {}}]'):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(wrong), _schema(prepared))
    assert prepared.parser is not None
    for pieces in ([answer], list(answer), cut(answer, some)):
        found = read(prepared.parser(0), pieces)
        assert found == Read("", (("forecast", '{"city": "Bergen"}'), ("rain", "{}")), "", "tool_calls")
    assert read(prepared.parser(0), list("I would rather not")) == Read("I would rather not")


async def test_one_required_call_only_where_they_may_not_be_parallel() -> None:
    prepared = await _prepare(OBJECTS, tools=(RAIN,), tool_choice=ToolChoice("required"), parallel_tool_calls=False)
    assert _schema(prepared)["maxItems"] == 1


async def test_references_within_a_tools_schema_still_lead_somewhere() -> None:
    parameters = {
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "place": {"$ref": "#/$defs/place"}},
        "additionalProperties": False,
        "$defs": {"place": {"enum": ["Bergen"]}},
    }
    tools = (RAIN, Tool("f", None, parameters))
    schema = _schema(await _prepare(OBJECTS, tools=tools, tool_choice=ToolChoice("required")))
    jsonschema.validate([{"name": "f", "parameters": {"next": {"place": "Bergen"}}}], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{"name": "f", "parameters": {"next": {"place": "Oslo"}}}], schema)


@settings(max_examples=20, deadline=None)
@given(some=st.lists(st.integers(0, 1000), max_size=12))
async def test_a_named_function_gets_its_arguments_as_they_come(some: list[int]) -> None:
    choice = ToolChoice("required", "forecast")
    prepared = await _prepare(OBJECTS, tools=(FORECAST, RAIN), tool_choice=choice)
    assert _schema(prepared) == SCHEMA
    assert prepared.parser is not None
    answer = '{"city": "Ber\\"gen}"}'
    for pieces in ([answer], list(answer), cut(answer, some)):
        assert read(prepared.parser(0), pieces) == Read("", (("forecast", answer),), "", "tool_calls")
    assert read(prepared.parser(0), list(answer[:9]), "length") == Read("", (("forecast", answer[:9]),), "", "length")
    assert read(prepared.parser(0), ["no"]) == Read("no")


async def test_a_strict_function_is_called_by_its_schema_or_not_at_all() -> None:
    prepared = await _prepare(OBJECTS, tools=(Tool("forecast", None, SCHEMA, strict=True),))
    assert prepared.parser is not None
    good = '<tool_call>{"name": "forecast", "arguments": {"city": "Bergen"}}</tool_call>'
    bad = good.replace('"Bergen"', "5000")
    assert read(prepared.parser(0), list(good)).calls == (("forecast", '{"city": "Bergen"}'),)
    assert read(prepared.parser(0), list(bad)) == Read(bad)


GUIDE = Sampling(structured_outputs={"json_object": True})
SWITCH = (
    "{{ messages[0].content }}<think>{% if enable_thinking is defined and not enable_thinking %}</think>{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "ending"),
    [
        (SWITCH, "hi<think></think>"),
        ("{{ messages[0].content }}<think>\n", "hi<think>\n</think>\n\n"),
        ("{{ messages[0].content }}{# </think> #}", "hi"),
        ("{# <|channel|>analysis<|message|> #}hi<|start|>assistant", "assistant<|channel|>final<|message|>"),
    ],
    ids=["a switch", "no switch", "a thought of its own accord", "channels"],
)
async def test_a_guided_answer_has_no_thought_in_front(template: str, ending: str) -> None:
    prepared = await _prepare(template, sampling=GUIDE)
    assert str(prepared.asked.prompt).endswith(ending)
    assert prepared.parser is None


async def test_thinking_and_a_form_at_once_are_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        await _prepare(SWITCH, sampling=GUIDE, thinking=Thinking(True))
    assert refused.value.field == "reasoning_effort"
