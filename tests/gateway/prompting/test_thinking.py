# ruff: noqa: E501 - templates and transcripts are one text each
"""Thoughts are told from answers in any pieces, and turned on and off by the switch that a template has."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.content import Message
from gateway.domain.generation import GenerationRequest, TextDelta, Thinking, TokenLogprob, Tool
from gateway.domain.ports import Prepared
from gateway.prompting.harmony import harmony_program
from gateway.prompting.preparing import Prompts
from modelyard.card import ModelCard
from modelyard.errors import InvalidInput
from tests.gateway.prompting.transcripts import Read, cut, program_reader, read

# Each with the switch and the marks of a family, and none of its words.
SWITCHED = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if tools %}{{ tools | tojson }} <tool_call>{% endif %}"
    "assistant: {% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
)
OPENED = (
    "{% for m in messages %}{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: <think>\n{% endif %}"
)
ASKED = (
    "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    "{% if thinking %}Begin with 'Here is my thought process:', go on with 'Here is my response:'.{% endif %}"
)
BRACKETS = "{% for m in messages %}{{ m.content }}{% endfor %}{# [THINK] #}"
CHANNELS = (
    "effort {{ reasoning_effort | default('medium') }} <|channel|>analysis<|message|>"
    "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}<|start|>assistant"
)
PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}{{ tools | tojson }} <tool_call>{% endif %}"
CALL = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
TOOL = Tool("f")
places = st.lists(st.integers(0, 1000), max_size=12)


async def _prepare(template: str, thinking: Thinking = Thinking(), **fields: object) -> Prepared:  # noqa: B008 - frozen
    request = GenerationRequest("m", (Message.of("user", "hi"),), thinking=thinking, **fields)  # type: ignore[arg-type]
    return await Prompts().prepare(ModelCard(chat_template=template), request)


ANSWERS = {
    "thinks": (SWITCHED, Thinking(), "<think>\nHm.\nYes.\n</think>\n\nHello\n", Read("Hello\n", (), "Hm.\nYes.")),
    "does not think": (SWITCHED, Thinking(), "\nHello <think>", Read("\nHello <think>")),
    "is cut off in its thought": (SWITCHED, Thinking(), "<think>\nHm. </thi", Read("", (), "Hm. </thi")),
    "thinks of nothing": (SWITCHED, Thinking(), "<think>\n\n</think>\n\nHello", Read("Hello")),
    "has its thought begun by the prompt": (OPENED, Thinking(), "Hm.\n</think>\nHello", Read("Hello", (), "Hm.")),
    "begins it once more": (OPENED, Thinking(), "<think>\nHm.</think>Hello", Read("Hello", (), "Hm.")),
    "granite": (
        ASKED,
        Thinking(True),
        "Here is my thought process: Hm.\n\nHere's my response: Hello",
        Read("Hello", (), "Hm."),
    ),
    "magistral": (BRACKETS, Thinking(), "[THINK]Hm.[/THINK]Hello", Read("Hello", (), "Hm.")),
    "gpt-oss": (
        CHANNELS,
        Thinking(),
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>",
        Read("Hello", (), "Hm."),
    ),
    "gpt-oss without channels": (CHANNELS, Thinking(), "Hello", Read("Hello")),
    "gpt-oss cut off in a head": (CHANNELS, Thinking(), "<|channel|>analysis", Read("<|channel|>analysis")),
}


@pytest.mark.parametrize("name", ANSWERS)
@settings(max_examples=15, deadline=None)
@given(some=places)
async def test_a_thought_is_told_from_the_answer(name: str, some: list[int]) -> None:
    template, thinking, text, wanted = ANSWERS[name]
    prepared = await _prepare(template, thinking)
    for pieces in ([text], list(text), cut(text, some)):
        assert prepared.parser is not None
        assert read(prepared.parser(0), pieces) == wanted


@settings(max_examples=15, deadline=None)
@given(some=places)
async def test_calls_come_after_the_thought_and_what_is_thought_of_is_not_called(some: list[int]) -> None:
    prepared = await _prepare(SWITCHED, tools=(TOOL,))
    text = f"<think>\nWhy not {CALL}?\n</think>\n\nSo:\n{CALL}<|im_end|>"
    for pieces in ([text], list(text), cut(text, some)):
        assert prepared.parser is not None
        found = read(prepared.parser(0), pieces)
        assert (found.reasoning, found.calls) == (f"Why not {CALL}?", (("f", "{}"),))
        assert found.text.startswith("So:")
        assert found.reason == "tool_calls"
    assert prepared.asked.sampling.skip_special_tokens is False


@settings(max_examples=15, deadline=None)
@given(some=places)
def test_gpt_oss_calls_a_function_in_its_commentary(some: list[int]) -> None:
    text = (
        "<|channel|>analysis<|message|>I need rain.<|end|><|start|>assistant<|channel|>commentary<|message|>Looking."
        '<|end|><|start|>assistant<|channel|>commentary to=functions.rain <|constrain|>json<|message|>{"a": "}"}<|call|>'
        "<|start|>assistant to=functions.sun<|channel|>commentary json<|message|>{}<|call|>"
    )
    wanted = Read("Looking.", (("rain", '{"a": "}"}'), ("sun", "{}")), "I need rain.", "tool_calls")
    for pieces in ([text], list(text), cut(text, some)):
        assert read(program_reader(harmony_program(final=False)), pieces) == wanted


def test_gpt_oss_words_for_a_function_that_are_no_arguments_are_text() -> None:
    text = "<|channel|>commentary to=functions.rain<|message|>please<|call|>"
    assert read(program_reader(harmony_program(final=False)), list(text)) == Read("please")


async def test_a_thought_stays_in_the_text_where_it_is_not_to_be_split_off() -> None:
    assert (await _prepare(SWITCHED, Thinking(split=False))).parser is None
    prepared = await _prepare(SWITCHED, Thinking(split=False), tools=(TOOL,))
    assert prepared.parser is not None
    found = read(prepared.parser(0), list(f"<think>\nHm {CALL}\n</think>\n\nSo.{CALL}"))
    assert found == Read(f"<think>\nHm {CALL}\n</think>\n\nSo.", (("f", "{}"),), "", "tool_calls")


async def test_no_parser_where_nothing_can_be_found() -> None:
    assert (await _prepare(PLAIN)).parser is None
    assert (await _prepare(SWITCHED, Thinking(False))).parser is None
    assert (await _prepare(ASKED)).parser is None


@pytest.mark.parametrize(
    ("template", "thinking", "within"),
    [
        (SWITCHED, Thinking(False), "<think>\n\n</think>"),
        (ASKED, Thinking(True), "Begin with"),
        (CHANNELS, Thinking(True, "high"), "effort high"),
        (CHANNELS, Thinking(None, "low"), "effort low"),
        (PLAIN, Thinking(False), "hi"),
    ],
)
async def test_the_templates_own_switch_is_used(template: str, thinking: Thinking, within: str) -> None:
    assert within in str((await _prepare(template, thinking)).asked.prompt)


@pytest.mark.parametrize(
    ("template", "thinking"),
    [(PLAIN, Thinking(True)), (OPENED, Thinking(False)), (CHANNELS, Thinking(enabled=None, effort="none"))],
    ids=["cannot think", "always thinks", "thinks in channels"],
)
async def test_what_a_model_cannot_do_is_refused_by_name(template: str, thinking: Thinking) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _prepare(template, thinking)
    assert refused.value.field == "reasoning_effort"
    assert refused.value.hint


async def test_the_switch_may_be_among_the_templates_arguments() -> None:
    prepared = await _prepare(SWITCHED, template_arguments={"enable_thinking": False})
    assert prepared.parser is None
    assert "<think>\n\n</think>" in str(prepared.asked.prompt)


async def test_logprobs_go_with_the_text_and_not_with_the_thought() -> None:
    prepared = await _prepare(SWITCHED)
    assert prepared.parser is not None
    parser = prepared.parser(2)
    tokens = ["<think>", "Hm", "</think>", "\n\n", "Hel", "lo"]
    events = [
        event for token in tokens for event in parser.feed(TextDelta(token, 2, (TokenLogprob(token, -1.0),)))
    ] + list(parser.finish("stop")[0])
    texts = [event for event in events if isinstance(event, TextDelta)]
    assert "".join(text.text for text in texts) == "Hello"
    assert [token.token for text in texts for token in text.logprobs] == ["Hel", "lo"]
    assert {event.index for event in events if not isinstance(event, type(None))} == {2}  # type: ignore[union-attr]
