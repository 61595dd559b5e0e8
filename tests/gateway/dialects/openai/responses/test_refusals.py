"""Responses: what is wrong or cannot be honoured is a 400 that names the field; no published field is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai.types import responses as theirs
from openai.types.responses import response_create_params as creates
from openai.types.responses import response_input_item_param as inputs
from openai.types.shared_params import Reasoning as TheirReasoning

from gateway.dialects.openai.responses.items import CallItem, CallOutputItem, ContentPart, MessageItem, ReasoningItem
from gateway.dialects.openai.responses.refused import (
    ITEM_REFUSED,
    PART_REFUSED,
    REASONING_REFUSED,
    RESPONSES_REFUSED,
    STREAM_OPTIONS_REFUSED,
    TEXT_REFUSED,
    TOOL_REFUSED,
)
from gateway.dialects.openai.responses.schemas import Reasoning, ResponseRequest, StreamOptions
from gateway.dialects.openai.responses.tools import ChosenTool, FunctionTool, TextConfig, TextFormat
from tests.gateway.running import Triton, serving

RESPONSES = "POST /v1/responses"
GOOD: dict[str, Any] = {"model": "responder", "input": "words=1"}
TOOL = {"type": "function", "name": "f"}


def _error(http: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = http.post("/v1/responses", json=body)
    assert answer.status_code == 400, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return error


_REFUSED: list[tuple[str, Any, Any]] = [  # a value that asks for something, one that asks for nothing
    ("background", True, False),
    ("conversation", "conv_1", None),
    ("prompt", {"id": "pmpt_1"}, None),
    ("context_management", [{"type": "compaction"}], []),
    ("moderation", {"model": "omni-moderation-latest"}, None),
    ("image", {"context_compression": "enabled"}, {"context_compression": "auto"}),
    ("access_programs", {"cyber": "daybreak_red"}, {"cyber": "standard"}),
    ("service_tier", "flex", "auto"),
    ("prompt_cache_options", {"mode": "explicit"}, {"mode": "implicit"}),
    ("prompt_cache_retention", "24h", "in_memory"),
    ("truncation", "auto", "disabled"),
]


@pytest.mark.parametrize(
    ("field", "value", "nothing"),
    [pytest.param(*row, marks=pytest.mark.proves(RESPONSES, row[0], "refused")) for row in _REFUSED],
)
def test_what_cannot_be_honoured_is_refused_by_name(http: httpx.Client, field: str, value: Any, nothing: Any) -> None:
    error = _error(http, GOOD | {field: value})
    assert (error["param"], error["code"]) == (field, "unsupported_parameter")
    assert http.post("/v1/responses", json=GOOD | {field: nothing}).status_code == 200


_INSIDE: list[tuple[str, dict[str, Any]]] = [
    ("stream_options.include_obfuscation", {"stream": True, "stream_options": {"include_obfuscation": True}}),
    ("text.verbosity", {"text": {"verbosity": "low"}}),
    ("reasoning.summary", {"reasoning": {"summary": "detailed"}}),
    ("reasoning.generate_summary", {"reasoning": {"generate_summary": "concise"}}),
    ("reasoning.context", {"reasoning": {"context": "all_turns"}}),
    ("reasoning.mode", {"reasoning": {"mode": "pro"}}),
]


@pytest.mark.parametrize(
    ("field", "more"),
    [pytest.param(*row, marks=pytest.mark.proves(RESPONSES, row[0], "refused")) for row in _INSIDE],
)
def test_what_cannot_be_honoured_inside_is_refused_by_its_path(
    http: httpx.Client, field: str, more: dict[str, Any]
) -> None:
    error = _error(http, GOOD | more)
    assert (error["param"], error["code"]) == (field, "unsupported_parameter")


@pytest.mark.proves(RESPONSES, "stream_options", "honoured")
def test_a_stream_without_padding_can_be_asked_for(http: httpx.Client) -> None:
    answer = http.post("/v1/responses", json=GOOD | {"stream": True, "stream_options": {"include_obfuscation": False}})
    assert answer.status_code == 200
    assert "event: response.completed\n" in answer.text
    assert '"obfuscation"' not in answer.text
    assert _error(http, GOOD | {"stream_options": {}})["param"] == "stream_options"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""),
        ("model", None),
        ("input", None),
        ("input", []),
        ("input", 5),
        ("input", [1]),
        ("temperature", "1"),
        ("temperature", 2.1),
        ("top_p", 1.1),
        ("max_output_tokens", 0),
        ("max_tool_calls", 0),
        ("top_logprobs", 2),
        ("top_logprobs", 21),
        ("include", ["file_search_call.results"]),
        ("include", "all"),
        ("stream", "yes"),
        ("store", "no"),
        ("instructions", 1),
        ("previous_response_id", "resp_unknown"),
        ("metadata", {"a": 1}),
        ("metadata", {"a" * 65: "b"}),
        ("metadata", {"a": "b" * 513}),
        ("metadata", {str(number): "" for number in range(17)}),
        ("parallel_tool_calls", "no"),
        ("reasoning", {"effort": "extreme"}),
        ("tools", {}),
        ("tools", [{"type": "web_search"}]),
        ("tools", [{"type": "custom", "name": "f"}]),
        ("tools", [{"type": "function"}]),
        ("tools", [{"type": "function", "name": "has space"}]),
        ("tools", [TOOL | {"parameters": {"type": "array"}}]),
        ("tools", [TOOL | {"defer_loading": True}]),
        ("tools", [TOOL, TOOL]),
        ("tool_choice", "required"),
        ("tool_choice", "any"),
        ("tool_choice", TOOL),
        ("tool_choice", {"type": "function"}),
        ("tool_choice", {"type": "file_search"}),
        ("tool_choice", {"type": "allowed_tools", "mode": "auto", "tools": []}),
        ("tool_choice", {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}),
        ("text", "json"),
        ("text", {"format": {"type": "json_schema", "schema": {}}}),
        ("text", {"format": {"type": "json_schema", "name": "n"}}),
        ("text", {"format": {"type": "json_object", "name": "n"}}),
        ("text", {"format": {"type": "text", "schema": {}}}),
        ("user", 5),
        ("messages", []),
        ("unheard_of", 1),
    ],
)
def test_a_wrong_value_is_named(http: httpx.Client, field: str, value: object) -> None:
    error = _error(http, GOOD | {field: value})
    assert error["param"].startswith(field)
    assert f"'{field}" in error["message"]


def _user(**part: object) -> dict[str, Any]:
    return {"role": "user", "content": [part]}


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"content": "x"}, "role"),
        ({"role": "tool", "content": "x"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": 5}, "content"),
        ({"role": "assistant", "content": "x", "phase": "commentary"}, "phase"),
        (_user(type="input_text"), "content[0].text"),
        (_user(type="output_text", text="x"), "content[0].type"),
        (_user(type="input_file", file_id="f"), "content[0].type"),
        (_user(type="input_image"), "content[0].image_url"),
        (_user(type="input_image", file_id="f"), "content[0].file_id"),
        (_user(type="input_image", image_url="data:image/png;base64,AAAA"), "content[0].image_url"),
        (_user(type="input_text", text="x", detail="low"), "content[0].detail"),
        (_user(type="input_text", text="x", image_url="y"), "content[0].image_url"),
        (_user(type="input_text", text="x", unheard_of=1), "content[0].unheard_of"),
        (CALL | {"name": ""}, "name"),
        (CALL | {"namespace": "n"}, "namespace"),
        ({"type": "function_call_output", "output": "x"}, "call_id"),
        ({"type": "function_call_output", "call_id": "nobodys", "output": "x"}, "call_id"),
        (
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "x"}]},
            "output[0].type",
        ),
        ({"type": "reasoning", "summary": [], "encrypted_content": "x"}, "encrypted_content"),
        ({"type": "reasoning", "summary": "x"}, "summary"),
        ({"type": "item_reference", "id": "msg_1"}, "type"),
        ({"type": "web_search_call", "id": "ws_1"}, "type"),
        ({"type": 5}, "type"),
    ],
)
def test_a_wrong_item_is_named(http: httpx.Client, item: dict[str, Any], param: str) -> None:
    error = _error(http, GOOD | {"input": [{"role": "user", "content": "words=1"}, item]})
    assert error["param"] == f"input[1].{param}"


PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": [_user(type="input_image", image_url=PICTURE)]}, "input"),
        ({"tools": [TOOL | {"parameters": {"type": "object", "properties": 5}}], "tool_choice": "required"}, "tools"),
        ({"model": "parrot", "reasoning": {"effort": "high"}}, "reasoning.effort"),
    ],
)
def test_what_the_model_cannot_do_has_the_clients_name(http: httpx.Client, more: dict[str, Any], param: str) -> None:
    error = _error(http, GOOD | more)
    assert error["param"].startswith(param)
    assert "function" not in error["param"]


GET, ITEMS = "GET /v1/responses/{response_id}", "GET /v1/responses/{response_id}/input_items"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        pytest.param("", "stream=true", marks=pytest.mark.proves(GET, "stream", "refused")),
        pytest.param("", "starting_after=3", marks=pytest.mark.proves(GET, "starting_after", "refused")),
        pytest.param("", "include_obfuscation=true", marks=pytest.mark.proves(GET, "include_obfuscation", "refused")),
        ("", "include=file_search_call.results"),
        ("", "unheard_of=1"),
        ("/input_items", "limit=0"),
        ("/input_items", "limit=many"),
        ("/input_items", "order=random"),
        ("/input_items", "after=nothing"),
        ("/input_items", "include[]=file_search_call.results"),
        ("/input_items", "before=1"),
    ],
)
def test_a_wrong_query_is_named(http: httpx.Client, path: str, query: str) -> None:
    made = http.post("/v1/responses", json=GOOD).json()["id"]
    answer = http.get(f"/v1/responses/{made}{path}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0].removesuffix("[]")


@pytest.mark.proves(GET, "include", "honoured")
@pytest.mark.proves(ITEMS, "include", "honoured")
@pytest.mark.parametrize("path", ["", "/input_items"])
def test_what_is_there_anyway_can_be_included(http: httpx.Client, path: str) -> None:
    parts = [{"type": "input_text", "text": "words=1"}]
    made = http.post("/v1/responses", json=GOOD | {"input": [{"role": "user", "content": parts}]}).json()
    answer = http.get(f"/v1/responses/{made['id']}{path}?include[]=message.input_image.image_url")
    assert answer.status_code == 200
    if path:
        assert answer.json()["data"][0]["content"] == parts
    else:
        assert answer.json() == made


@pytest.fixture(scope="module")
def forgetful(triton: Triton, repository: Path) -> Iterator[httpx.Client]:
    with (
        serving([triton.url], model_repository=repository, stored_responses=0) as running,
        httpx.Client(base_url=running.url, timeout=60, trust_env=False) as client,
    ):
        yield client


def test_a_service_that_keeps_nothing_says_so(forgetful: httpx.Client) -> None:
    made = forgetful.post("/v1/responses", json=GOOD).json()
    assert made["store"] is False
    assert forgetful.get(f"/v1/responses/{made['id']}").status_code == 404
    assert _error(forgetful, GOOD | {"store": True})["param"] == "store"


def _names(model: Any) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("published", "ours", "refused"),
    [
        (creates.ResponseCreateParamsStreaming, ResponseRequest, RESPONSES_REFUSED),
        (creates.StreamOptions, StreamOptions, STREAM_OPTIONS_REFUSED),
        (TheirReasoning, Reasoning, REASONING_REFUSED),
        (theirs.ResponseTextConfigParam, TextConfig, TEXT_REFUSED),
        (theirs.ResponseFormatTextJSONSchemaConfigParam, TextFormat, {}),
        (theirs.FunctionToolParam, FunctionTool, TOOL_REFUSED),
        (theirs.ToolChoiceFunctionParam, ChosenTool, {}),
        (theirs.ToolChoiceAllowedParam, ChosenTool, {}),
        (theirs.EasyInputMessageParam, MessageItem, ITEM_REFUSED["message"]),
        (inputs.Message, MessageItem, ITEM_REFUSED["message"]),
        (theirs.ResponseOutputMessage, MessageItem, ITEM_REFUSED["message"]),  # an answer is sent back as an item
        (theirs.ResponseFunctionToolCall, CallItem, ITEM_REFUSED["function_call"]),
        (inputs.FunctionCallOutput, CallOutputItem, ITEM_REFUSED["function_call_output"]),
        (theirs.ResponseReasoningItem, ReasoningItem, ITEM_REFUSED["reasoning"]),
        (theirs.ResponseInputTextParam, ContentPart, PART_REFUSED["input_text"]),
        (theirs.ResponseInputImageParam, ContentPart, PART_REFUSED["input_image"]),
        (theirs.ResponseOutputText, ContentPart, PART_REFUSED["output_text"]),
        (theirs.ResponseOutputRefusal, ContentPart, PART_REFUSED["refusal"]),
    ],
)
def test_no_published_field_is_unknown(published: Any, ours: Any, refused: dict[str, Any]) -> None:
    fields = _names(published) if hasattr(published, "model_fields") else set(published.__annotations__)
    assert fields
    assert fields <= _names(ours) | set(refused)
