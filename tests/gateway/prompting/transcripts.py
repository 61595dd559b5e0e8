"""Reads a text with a family's reader, in whatever pieces, and puts the events together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.generation import (
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    Tool,
    ToolCallDelta,
)
from gateway.domain.ports import AnswerParser
from gateway.prompting.cursor import Cursor
from gateway.prompting.output import Calls, Check, Output
from gateway.prompting.reading import AnswerReader, Program
from gateway.prompting.tool_calls.family import Family, calls_program


@dataclass(frozen=True)
class Read:
    """What an answer was: its pieces of one kind joined, calls as names and arguments."""

    text: str
    calls: tuple[tuple[str, str], ...] = ()
    reasoning: str = ""
    reason: FinishReason = "stop"


def family_reader(
    family: Family,
    tools: Sequence[Tool] = (),
    *,
    dropped: Sequence[str] = (),
    parallel: bool = True,
    checks: Mapping[str, Check] | None = None,
) -> AnswerReader:
    return program_reader(calls_program(family, tools, dropped), parallel=parallel, checks=checks, new_id=family.new_id)


def program_reader(
    program: Program,
    *,
    parallel: bool = True,
    checks: Mapping[str, Check] | None = None,
    split: bool = True,
    new_id: Callable[[], str] = lambda: "call",
) -> AnswerReader:
    cursor, output = Cursor(), Output(split=split)
    return AnswerReader(program, cursor, output, Calls(cursor, output, parallel=parallel, checks=checks, new_id=new_id))


def events_of(parser: AnswerParser, pieces: Sequence[str], reason: FinishReason = "stop") -> list[Event]:
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(TextDelta(piece))
    rest, _ = parser.finish(reason)
    return [*events, *rest]


def read(parser: AnswerParser, pieces: Sequence[str], reason: FinishReason = "stop") -> Read:
    """Joins the events; also looks that the first piece of a call, and only that, has its id and name."""
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(TextDelta(piece))
    rest, ended = parser.finish(reason)
    events += rest
    calls: list[list[str]] = []
    ids = set()
    for event in events:
        if not isinstance(event, ToolCallDelta):
            continue
        if event.call == len(calls):
            assert event.id
            assert event.name
            ids.add(event.id)
            calls.append([event.name, ""])
        else:
            assert event.call == len(calls) - 1
            assert event.id is None
            assert event.name is None
        calls[event.call][1] += event.arguments
    return Read(
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        tuple((name, arguments) for name, arguments in calls),
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        ended,
    )


def cut(text: str, places: Sequence[int]) -> list[str]:
    """The text in pieces, cut at the places that lie within it."""
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[begin:end] for begin, end in itertools.pairwise(edges)]
