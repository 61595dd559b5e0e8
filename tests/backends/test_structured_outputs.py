"""Answers held to a schema, an expression, a choice or a grammar, through a real Triton and the real engine."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import jsonschema
import pytest

from backends.openvino_genai.grammars.formats import FORMATS
from tests.backends.triton_client import Answer, Client, RequestFailed

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = "hello world"
PERSON: dict[str, Any] = {
    "$defs": {"place": {"type": "object", "properties": {"zip": {"type": "string", "pattern": "^[0-9]{5}$"}}}},
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "share": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3},
        "born": {"type": "string", "format": "date"},
        "home": {"anyOf": [{"$ref": "#/$defs/place"}, {"type": "null"}]},
    },
    "required": ["name", "age", "tags", "home"],
    "additionalProperties": False,
}


def either(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"kind": {"const": name}, **more}, "required": ["kind"]}


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {name: {"type": "null"} for name in "abc"}},
    {"type": "object", "required": ["free"], "properties": {"a": {"type": "boolean"}}},
    {"type": "object", "additionalProperties": {"type": "integer", "exclusiveMinimum": 10}},
    {"type": "object", "additionalProperties": False},
    {"type": ["string", "null"], "maxLength": 3},
    {"type": "array", "prefixItems": [{"type": "boolean"}, {"enum": ["a", 1, None]}], "items": {"type": "integer"}}
    | {"minItems": 4, "maxItems": 9},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    {"oneOf": [either("a", v={"type": "boolean"}), either("b", w={"type": "null"})]},
    {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    {"allOf": [{"$ref": "#/$defs/a~1b"}], "$defs": {"a/b": {"type": "integer"}}, "description": "with words"},
    {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}}},
    {"type": "number", "minimum": -1.5, "maximum": -1.25},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 0.001},
    {"type": "integer", "minimum": -12, "maximum": 1203},
    {"type": "string", "pattern": '^[a-f]{2}$|^x\\d"$'},
    {"type": "string", "pattern": "[^a-z]\\s"},
    {"type": "string", "minLength": 2, "maxLength": 5},
    {"const": {"ä": ['"\\\n', 1.5, None]}},
    *({"type": "string", "format": name} for name in FORMATS if name != "time"),
]


async def held(client: Client, constraint: object, *, seed: int = 4, **more: Any) -> Answer:
    sampling: dict[str, Any] = {"max_tokens": 300, "temperature": 1.0, "seed": seed, **more}
    return await client.ask(PROMPT, structured_outputs=constraint, **sampling)


async def test_every_answer_that_ends_keeps_to_the_schema(client: Client) -> None:
    answers = await asyncio.gather(*(held(client, {"json": PERSON}, seed=seed) for seed in range(20)))
    ended = [json.loads(answer.text) for answer in answers if answer.finish_reason == "stop"]
    assert len(ended) > 10
    for value in ended:
        jsonschema.validate(value, PERSON)
    assert len({json.dumps(value) for value in ended}) > 5


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
async def test_answers_keep_to_all_that_is_taken(client: Client, schema: dict[str, Any]) -> None:
    answers = await asyncio.gather(*(held(client, {"json": schema}, seed=seed, max_tokens=400) for seed in range(6)))
    ended = [json.loads(answer.text) for answer in answers if answer.finish_reason == "stop"]
    assert ended
    for value in ended:
        jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())


async def test_white_space_is_bounded(client: Client) -> None:
    answers = await asyncio.gather(*(held(client, {"json": PERSON}, seed=seed) for seed in range(6)))
    outside_of_texts = [re.sub(r'"(\\.|[^"\\])*"', '""', answer.text) for answer in answers]
    assert not any(re.search(r"\s\s|[\n\t]", text) for text in outside_of_texts)


async def test_an_object_is_an_object(client: Client) -> None:
    answers = await asyncio.gather(*(held(client, {"json_object": True}, seed=seed) for seed in range(8)))
    assert all(isinstance(json.loads(each.text), dict) for each in answers if each.finish_reason == "stop")
    assert "stop" in {each.finish_reason for each in answers}


@pytest.mark.parametrize("name", ["structured_outputs", "guided_decoding"])
async def test_all_kinds_under_both_names(client: Client, name: str) -> None:
    async def text(constraint: object) -> str:
        given: dict[str, Any] = {name: constraint}
        return (await client.ask(PROMPT, max_tokens=200, seed=4, **given)).text

    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": False}
    assert json.loads(await text({"json": schema})) in ({"a": 1}, {"a": 2})
    assert json.loads(await text(json.dumps({"json": json.dumps(schema)}))) in ({"a": 1}, {"a": 2})
    assert await text({"choice": ['ye"s\n', "nö"]}) in ('ye"s\n', "nö")
    assert re.fullmatch("[0-9]{3}/[ab]", await text({"regex": "[0-9]{3}/[ab]"}))
    assert await text({"grammar": 'root ::= "x" "y"'}) == "xy"


async def test_a_special_token_counts_as_its_text(client: Client) -> None:
    assert (await held(client, {"choice": ["<s>a</s>"]})).text == "<s>a</s>"


async def test_with_n_and_without_a_stream(client: Client) -> None:
    whole = {"stream": False, "exclude_input_in_output": True}
    answer = await held(client, {"json": PERSON}, n=3, tensors=whole)
    for text, reason in zip(answer.texts, answer.finish_reasons, strict=True):
        if reason == "stop":
            jsonschema.validate(json.loads(text), PERSON)
    assert len(set(answer.texts)) == 3


async def test_a_stop_string_ends_it_as_ever(client: Client) -> None:
    answer = await held(client, {"choice": ["hello world"]}, stop=["o w"])
    assert (answer.text, answer.finish_reason) == ("hell", "stop")


async def test_one_that_cannot_be_compiled_harms_nobody(client: Client) -> None:
    others = [asyncio.ensure_future(client.ask(PROMPT, max_tokens=300, temperature=0, ignore_eos=True)) for _ in "abc"]
    for grammar in ("root ::= (((", "x ::= y", 'root ::= undefined "a"', "root ::= [\\q"):
        with pytest.raises(RequestFailed, match=r"^\[INVALID_ARG\] 'structured_outputs' "):
            await held(client, {"grammar": grammar})
    assert {answer.tokens[0] for answer in await asyncio.gather(*others)} == {300}
    assert (await held(client, {"choice": ["a"]})).text == "a"


@pytest.mark.parametrize(
    "constraint",
    [
        {"json": {"not": {"type": "null"}}},
        {"json": {"type": "array", "uniqueItems": True}},
        {"regex": "a(?=b)"},
        {"choice": []},
        {"structural_tag": {}},
        {"json": {}, "regex": "a"},
        {"grammar": "%llguidance {}\nstart: /a/"},
    ],
)
async def test_what_cannot_be_kept_is_refused_by_name(client: Client, constraint: dict[str, Any]) -> None:
    with pytest.raises(RequestFailed, match=r"^\[INVALID_ARG\] 'structured_outputs' "):
        await held(client, constraint)


async def test_a_least_number_of_tokens_is_refused_with_it(client: Client) -> None:
    with pytest.raises(RequestFailed, match=r"^\[INVALID_ARG\] 'min_tokens' "):
        await held(client, {"choice": ["a"]}, min_tokens=3)
