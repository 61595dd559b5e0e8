"""How the families of models think aloud before they answer, and how their templates turn that on and off.

Knows the marks of thoughts and the names of switches; does not know tool calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from gateway.domain.generation import Thinking
from gateway.prompting.cursor import Cursor, Marks, Reading
from gateway.prompting.output import Calls, Output
from gateway.prompting.reading import Program, copy_until
from modelyard import abilities
from modelyard.errors import InvalidInput

FIELD = "reasoning_effort"
_OFF = "none"  # the effort that is no thinking at all
_SWITCHES = ("enable_thinking", "thinking")
_EFFORT = "reasoning_effort"


@dataclass(frozen=True)
class Thought:
    """The marks around a thought. `special`: they are tokens that the engine must not leave out. `asked`: the model
    thinks only when its switch is on. `dropped` are marks around the answer itself."""

    starts: tuple[str, ...]
    ends: tuple[str, ...]
    special: bool = False
    asked: bool = False
    dropped: tuple[str, ...] = ()


_GRANITE = Thought(
    (abilities.GRANITE[0], "Here's my thought process:"), (abilities.GRANITE[1], "Here's my response:"), asked=True
)
_GEMMA = Thought((abilities.GEMMA[0],), (abilities.GEMMA[1],), special=True, asked=True)
_MAGISTRAL = Thought((abilities.MAGISTRAL[0],), (abilities.MAGISTRAL[1],), special=True)
_THINK = Thought((abilities.THINK[0],), (abilities.THINK[1],), special=True)
_THINK_RESPONSE = Thought(_THINK.starts, _THINK.ends, special=True, asked=True, dropped=("<response>", "</response>"))


def thought_of(template: str) -> Thought | None:
    """The marks of the model's thoughts; None where it does not think. Harmony has a program of its own."""
    for thought in (_GRANITE, _GEMMA, _MAGISTRAL):
        if any(mark in template for mark in (thought.starts[0], thought.ends[0])):
            return thought
    if any(mark in template for mark in (*_THINK.starts, *_THINK.ends)):
        return _THINK_RESPONSE if "<response>" in template else _THINK
    return None


def is_harmony(template: str) -> bool:
    return all(mark in template for mark in abilities.HARMONY)


@dataclass(frozen=True)
class Decision:
    """What the template is told. `on` None: as it does by itself."""

    on: bool | None
    variables: Mapping[str, Any]


def decide(
    asked: Thinking, template: str, variables: AbstractSet[str], *, guided: bool, given: AbstractSet[str]
) -> Decision:
    """Raises InvalidInput for what this model cannot do. `guided`: the answer keeps to a grammar from its first token
    on, so there is no place for a thought. `given` are variables that the request sets itself."""
    switch = next((name for name in _SWITCHES if name in variables and name not in given), None)
    wanted = False if asked.effort == _OFF else asked.enabled
    effort = asked.effort if asked.effort != _OFF else None
    if not abilities.thinks(template):
        if wanted:
            raise InvalidInput(
                "this model does not think before it answers", field=FIELD, hint="leave it out, or use another model"
            )
        return Decision(None, {})
    if guided:
        if wanted:
            raise InvalidInput(
                "a model cannot think when its answer is held to a form from the first token on",
                field=FIELD,
                hint="leave it out: the answer then comes without a thought",
            )
        return Decision(False, {switch: False} if switch else {})
    told: dict[str, Any] = {}
    if effort is not None and wanted is not False and _EFFORT in variables and _EFFORT not in given:
        told[_EFFORT] = effort  # a template that knows no degrees only thinks, whichever is asked for
    if wanted is None:
        return Decision(None, told)
    if switch is not None:
        told[switch] = wanted
    elif not wanted and not given & set(_SWITCHES):
        raise InvalidInput(
            "this model always thinks before it answers, and its template has no switch for it",
            field=FIELD,
            hint='"low" makes it think less' if _EFFORT in variables else "leave it out",
        )
    return Decision(wanted, told)


def thinks_at_the_end(thought: Thought, prompt: str) -> bool | None:
    """Whether the prompt ends within a thought (True), after one (False), or in front of the answer (None)."""
    end = prompt[-200:].rstrip()
    if end.endswith(thought.starts):
        return True
    return False if end.endswith(thought.ends) else None


def is_open(thought: Thought, text: str) -> bool:
    """Whether the text breaks off within a thought."""
    return max(text.rfind(mark) for mark in thought.starts) > max(text.rfind(mark) for mark in thought.ends)


def thinking_program(thought: Thought, rest: Program, dropped: Sequence[str], *, inside: bool) -> Program:
    """A thought, and then what `rest` finds. `inside`: the prompt has begun the thought already."""
    ends = frozenset(thought.ends)
    marks = Marks((*thought.ends, *(mark for mark in dropped if mark not in ends)))

    def program(cursor: Cursor, output: Output, calls: Calls) -> Reading[None]:
        space = yield from cursor.space()
        start = ""
        for each in thought.starts:
            if (yield from cursor.take(each)):
                start = each
                break
        if not (inside or start):
            output.text(space)
        else:
            if not output.split:
                output.text(space + start)
            while mark := (yield from copy_until(marks, cursor, output.reasoning)):
                cursor.at += len(mark)
                if mark in ends:
                    if not output.split:
                        output.text(mark)
                    break
            output.end_of_reasoning()
        cursor.forget()
        yield from rest(cursor, output, calls)

    return program
