"""What can be written as a grammar, and what is refused: no engine is asked here."""

from __future__ import annotations

import contextlib
import re
from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.openvino_genai.constraints import grammar_of
from backends.openvino_genai.grammars import numbers
from backends.openvino_genai.grammars.formats import FORMATS
from backends.openvino_genai.grammars.literals import ANY, characters, union, without
from backends.openvino_genai.grammars.regular import of_text

OF_OBJECTS = ["properties", "required", "additionalProperties", "$ref", "$defs", "anyOf", "oneOf", "allOf", "not"]
OF_LISTS = ["items", "prefixItems", "minItems", "maxItems", "uniqueItems", "type", "enum", "const"]
OF_VALUES = ["minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum"]
KEYWORDS = [*OF_OBJECTS, *OF_LISTS, *OF_VALUES]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["string", "object", "#", "#/a", "x"])
)


@given(
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_is_no_schema_is_refused_and_nothing_else_happens(schema: Any) -> None:
    with contextlib.suppress(ValueError):
        assert grammar_of({"json": schema}).startswith("root ::= ")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"not": {}}, "without 'not'"),
        ({"type": "array", "uniqueItems": True}, "without 'uniqueItems'"),
        ({"type": "number", "multipleOf": 2}, "without 'multipleOf'"),
        ({"type": "object", "patternProperties": {}}, "without 'patternProperties'"),
        ({"type": "object", "minProperties": 1}, "without 'minProperties'"),
        ({"type": "string", "format": "colour"}, "whose 'format' is one of date, time"),
        ({"type": "string", "pattern": "a(?=b)"}, "look-around"),
        ({"type": "string", "pattern": "a", "maxLength": 3}, "without 'minLength' and 'maxLength' beside 'pattern'"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "'minLength' is at most its 'maxLength'"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "bounds with a number between them"),
        ({"anyOf": [{"type": "null"}], "properties": {}}, "without 'properties' beside 'anyOf'"),
        ({"allOf": [{"type": "null"}, {}]}, "without 'allOf' of several"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "told apart"),
        ({"$ref": "#/x"}, "has '#/x'"),
        ({"$ref": "other.json"}, "points into itself"),
        ({"$ref": "#/properties/inside"}, "lead to something"),
        ({"enum": []}, "a constant that its type allows"),
        ({"type": "string", "enum": [1]}, "a constant that its type allows"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "are among its 'properties'"),
        ({"type": 3}, "types are those of JSON"),
        ({"type": "integer", "minimum": float("nan")}, "that JSON can tell exactly"),
    ],
)
def test_what_cannot_be_kept_is_said(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        grammar_of({"json": {"type": "object", "properties": {"inside": schema}, **schema.get("$defs", {})}})


def test_a_schema_of_many_levels() -> None:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(80):
        schema = {"type": "array", "items": schema}
    with pytest.raises(ValueError, match="at most 64 levels"):
        grammar_of({"json": schema})


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("(a)\\1", "a back-reference"),
        ("a(?<!b)", "look-around"),
        ("(?i)a", "flags"),
        ("a(?i:b)", "flags"),
        ("a\\bc", "not at its beginning or end"),
        ("a^b", "not at its beginning or end"),
        ("(a", "unterminated subpattern"),
        ("((a{1000}){1000})", "come to more than"),
    ],
)
def test_what_an_expression_cannot_have(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        of_text(expression)


@given(st.lists(st.tuples(st.integers(1, 0x10FFFF), st.integers(0, 300)), min_size=1, max_size=5))
def test_every_range_is_one_byte_by_byte(starts: list[tuple[int, int]]) -> None:
    spans = without(union((low, min(low + more, 0x10FFFF)) for low, more in starts), [(0xD800, 0xDFFF)])
    written = characters(spans) if spans else "[]"
    read = re.findall(r"(\\U.{8}|\\u.{4}|[0-9A-Za-z])(?:-(\\U.{8}|\\u.{4}|[0-9A-Za-z]))?", written[1:-1])
    ranges = [(_point(low), _point(high or low)) for low, high in read]
    assert union(ranges) == union(spans)
    for low, high in ranges:
        first, last = chr(low).encode(), chr(high).encode()
        assert len(first) == len(last)
        # The characters are as many as the combinations of bytes.
        combinations = 1
        for begin, end in zip(first, last, strict=True):
            combinations *= end - begin + 1
        assert combinations == high - low + 1


def test_any_character_is_one_that_can_be_sent() -> None:
    assert sum(high - low + 1 for low, high in ANY) == 0x110000 - 0x800 - 1


def _point(text: str) -> int:
    return int(text[2:], 16) if len(text) > 1 else ord(text)


@given(st.integers(-3000, 3000), st.integers(0, 3000), st.integers(0, 3))
def test_numbers_between_bounds_are_all_of_them(low: int, more: int, places: int) -> None:
    first, last = Decimal(low).scaleb(-places), Decimal(low + more).scaleb(-places)
    ways = numbers.between(first, last, places=places)
    expression = re.compile(re.sub(r'"([^"]*)"', lambda quoted: re.escape(quoted[1]), ways).replace(" ", ""))
    for scaled in {low - 11, low - 1, low, low + 1, low + more // 2, low + more - 1, low + more, low + more + 1, -low}:
        number = Decimal(scaled).scaleb(-places)
        assert bool(expression.fullmatch(f"{number:.{places}f}")) == (first <= number <= last), (number, ways)


def test_the_format_of_times() -> None:
    assert re.fullmatch(FORMATS["time"].pattern, "13:53:51Z")
    assert time.fromisoformat("13:53:51+01:30")
    assert re.fullmatch(FORMATS["time"].pattern, "13:53:51+01:30")
    assert not re.fullmatch(FORMATS["time"].pattern, "24:00:00Z")
