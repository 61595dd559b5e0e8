# ruff: noqa: RUF001 - the marks are written with these letters; a transcript is one text
"""Answers as each family writes them give their calls, whatever the pieces they come in; what is no call is text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.generation import TextDelta, ToolCallDelta
from gateway.prompting.tool_calls.families import FAMILIES, family_of
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.hermes import Hermes
from gateway.prompting.tool_calls.mistral import Mistral
from tests.gateway.prompting.tool_calls.answers import BERGEN, CALLS, DS_END, DS_ONE, DS_SEP, NO_CALLS, TOOLS
from tests.gateway.prompting.transcripts import Read, cut, events_of, family_reader, read

DROPPED = ("</s>", "<|eom_id|>", "<|end|>", "<｜end▁of▁sentence｜>")
places = st.lists(st.integers(0, 10_000), max_size=30)


def _all_ways(text: str, some: Sequence[int]) -> list[list[str]]:
    return [[text], list(text), cut(text, some)]


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=25, deadline=None)
@given(some=places)
def test_a_familys_calls_are_found_in_any_pieces(name: str, some: list[int]) -> None:
    family, text, wanted = CALLS[name]
    for pieces in _all_ways(text, some):
        found = read(family_reader(family, TOOLS, dropped=DROPPED), pieces)
        assert found == Read(wanted.text, wanted.calls, reason="tool_calls")


@pytest.mark.parametrize("name", NO_CALLS)
@settings(max_examples=25, deadline=None)
@given(some=places)
def test_what_is_no_call_is_text_to_the_letter(name: str, some: list[int]) -> None:
    family, text = NO_CALLS[name]
    for pieces in _all_ways(text, some):
        assert read(family_reader(family, TOOLS), pieces) == Read(text)


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_answer_cut_off_anywhere_is_the_same_in_any_pieces(name: str, data: st.DataObject) -> None:
    family, text, _ = CALLS[name]
    text = text[: data.draw(st.integers(0, len(text)))] + data.draw(st.sampled_from(["", "]", "}", "x", "\n", '"']))
    whole, single = (read(family_reader(family, TOOLS), pieces, "length") for pieces in ([text], list(text)))
    assert whole == single == read(family_reader(family, TOOLS), cut(text, data.draw(places)), "length")
    assert whole.reason == "length"


_SCRAPS = ["<tool_call>", "</tool_call>", "{", "}", '"name"', ":", '"f"', ",", '"arguments"', "[", "]", "(", ")", "a=1"]
_SCRAPS += ["<function=f>", "<parameter=a>", "</parameter>", "</function>", "[TOOL_CALLS]", "[ARGS]", "functools", "\n"]
_SCRAPS += ["<|tool_call|>", "<start_function_call>call:f{", "}<end_function_call>", "```json", "```tool_code", "```"]
_SCRAPS += [" ", "'", "\\", "<", DS_ONE, DS_SEP, DS_END, "<|python_tag|>", "f", "1", ";"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@settings(max_examples=25, deadline=None)
@given(scraps=st.lists(st.sampled_from(_SCRAPS), max_size=25), some=places)
def test_any_text_reads_the_same_in_any_pieces(family: Family, scraps: list[str], some: list[int]) -> None:
    text = "".join(scraps)
    whole, *others = (read(family_reader(family, TOOLS), pieces) for pieces in _all_ways(text, some))
    assert all(other == whole for other in others)
    if not whole.calls:
        assert whole.text == text


def test_arguments_come_as_they_are_written() -> None:
    text = f'<tool_call>{{"name": "forecast", "arguments": {BERGEN}}}</tool_call>'
    deltas = [event for event in events_of(family_reader(Hermes()), list(text)) if isinstance(event, ToolCallDelta)]
    assert (deltas[0].name, deltas[0].arguments) == ("forecast", "")
    assert [delta.arguments for delta in deltas[1:]] == list(BERGEN)


def test_only_the_first_call_is_kept_where_one_is_allowed() -> None:
    family, text, wanted = CALLS["hermes with words around two"]
    found = read(family_reader(family, parallel=False), list(text))
    assert found == Read(wanted.text, wanted.calls[:1], reason="tool_calls")


def test_a_strict_call_that_breaks_its_schema_is_text_and_does_not_count() -> None:
    good = f'<tool_call>{{"name": "forecast", "arguments": {BERGEN}}}</tool_call>'
    bad = good.replace("3", '"three"')
    checks = {"forecast": lambda value: isinstance(value["days"], int)}
    assert read(family_reader(Hermes(), checks=checks), list(good)) == Read(
        "", (("forecast", BERGEN),), "", "tool_calls"
    )
    found = read(family_reader(Hermes(), checks=checks, parallel=False), list(bad + good))
    assert found == Read(bad, (("forecast", BERGEN),), "", "tool_calls")


def test_a_good_call_within_a_bad_one_is_found() -> None:
    text = '<tool_call>oops <tool_call>{"name": "f", "arguments": {}}</tool_call>'
    assert read(family_reader(Hermes()), [text]) == Read("<tool_call>oops", (("f", "{}"),), "", "tool_calls")


def test_what_was_handed_on_stays_and_the_rest_is_text_when_a_call_breaks_late() -> None:
    text = '<tool_call>{"name": "f", "arguments": {"a": 1]}</tool_call><tool_call>{"name": "g"}</tool_call>'
    for pieces in ([text], list(text)):
        found = read(family_reader(Hermes()), pieces)
        assert [name for name, _ in found.calls] == ["f", "g"]
        assert found.calls[0][1] + found.text == '{"a": 1]}</tool_call>'


def test_an_unfinished_call_is_cut_off_where_the_answer_is() -> None:
    found = read(family_reader(Hermes()), list('<tool_call>{"name": "f", "arguments": {"a": 1'), "length")
    assert found == Read("", (("f", '{"a": 1'),), reason="length")


@pytest.mark.parametrize(
    ("family", "form"), [(Hermes(), r"call_[0-9a-z]{24}"), (Mistral(), r"[A-Za-z0-9]{9}")], ids=["usual", "mistral"]
)
def test_ids_have_the_form_that_the_family_wants_and_differ(family: Family, form: str) -> None:
    ids = {family.new_id() for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(form, each) for each in ids)


@settings(max_examples=25, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])), some=places)
def test_plain_text_goes_through(text: str, some: list[int]) -> None:
    for pieces in _all_ways(text, some):
        assert read(family_reader(Mistral()), pieces) == Read(text)


def test_plain_text_is_not_held_back() -> None:
    parser = family_reader(Hermes())
    assert [parser.feed(TextDelta(token)) for token in ("Hello", " world", ",")] == [
        [TextDelta("Hello")],
        [TextDelta(" world")],
        [TextDelta(",")],
    ]


# As the families' own templates name their marks, in templates that are not theirs.
RECOGNISED = {
    "hermes": "reply with <tool_call>{json}</tool_call>",
    "qwen_xml": "<tool_call>\n<function=f>\n<parameter=p>",
    "llama_json": 'reply with {"name": function name, "parameters": dictionary}',
    "pythonic": "reply with [func_name1(params_name1=value)]",
    "mistral": "{{ '[TOOL_CALLS]' }}",
    "deepseek": "{{ '<｜tool▁call▁begin｜>' }}",
    "phi": "<|tool|>{{ tools }}<|/tool|><|tool_call|>",
    "granite": "<|start_of_role|>use <|tool_call|>",
    "gemma": "<|tool_call>call:",
    "gemma_code": "write ```tool_code",
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_a_family_is_known_by_its_template(name: str) -> None:
    family = family_of(RECOGNISED[name])
    assert family is not None
    assert family.name == name


def test_every_family_is_recognised_by_something_and_a_plain_template_by_none() -> None:
    assert RECOGNISED.keys() == {family.name for family in FAMILIES}
    assert family_of("{% for m in messages %}{{ m.content }}{% endfor %}") is None
    assert family_of("<tool_call>f<arg_key>") is None


@settings(max_examples=25, deadline=None)
@given(arguments=st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)), some=places)
def test_any_arguments_are_handed_on_to_the_letter(arguments: object, some: list[int]) -> None:
    written = json.dumps(arguments, ensure_ascii=False)
    text = f'<tool_call>{{"name": "f", "arguments": {written}}}</tool_call>'
    for pieces in _all_ways(text, some):
        assert read(family_reader(Hermes()), pieces) == Read("", (("f", written),), "", "tool_calls")
