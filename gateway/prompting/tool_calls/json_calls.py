"""A call as a JSON object with a name and arguments, which most families write inside marks of their own.

The arguments go out as they come, and as the model wrote them. Knows JSON; does not know a family.
"""

from __future__ import annotations

from gateway.prompting.cursor import Cursor, Malformed, Reading
from gateway.prompting.output import Calls

_ARGUMENTS = ("arguments", "parameters")
_BESIDE = ("id", "type", "index")  # what models write beside them


def read_calls(cursor: Cursor, calls: Calls, *, bare: bool = False) -> Reading[None]:
    """One object, or a list of them. `bare`: no mark says that a call comes, so it must look like nothing else."""
    if not (yield from cursor.take("[")):
        yield from read_call(cursor, calls, bare=bare)
        return
    while True:
        yield from cursor.space()
        yield from read_call(cursor, calls, bare=bare)
        yield from cursor.space()
        if not (yield from cursor.take(",")):
            break
    # The calls are whole: a list that is not closed takes nothing away from them.
    yield from cursor.take("]")


def read_call(cursor: Cursor, calls: Calls, *, bare: bool = False) -> Reading[None]:
    yield from cursor.expect("{")
    name: str | None = None
    waiting: str | None = None  # arguments that came before the name
    begun = False
    while True:
        yield from cursor.space()
        if (yield from cursor.take("}")):
            break
        key = yield from cursor.string()
        yield from cursor.space()
        yield from cursor.expect(":")
        yield from cursor.space()
        if key == "name" and name is None:
            name = yield from cursor.string()
            if not name:
                raise Malformed
            if waiting is not None:
                calls.begin(name)
                calls.arguments(waiting)
                begun = True
        elif key in _ARGUMENTS and waiting is None and not begun:
            if name is not None and (yield from cursor.peek()) == "{":
                calls.begin(name)
                begun = True
                yield from cursor.stream_value(calls.arguments)
            else:
                waiting = yield from _arguments(cursor)
                if name is not None:
                    calls.begin(name)
                    calls.arguments(waiting)
                    begun = True
        elif bare and key not in _BESIDE:
            raise Malformed
        else:
            yield from cursor.value()
        yield from cursor.space()
        if not (yield from cursor.take(",")):
            yield from cursor.expect("}")
            break
    if name is None or (bare and not begun):
        raise Malformed
    if not begun:
        calls.begin(name)
        calls.arguments("{}")
    calls.end()


def _arguments(cursor: Cursor) -> Reading[str]:
    """An object; or none, or its text in a string, as some models write it."""
    char = yield from cursor.peek()
    if char == "{":
        return (yield from cursor.value())
    if char == '"':
        text = (yield from cursor.string()).strip()
        if text and not (text.startswith("{") and text.endswith("}")):
            raise Malformed
        return text or "{}"
    if (yield from cursor.value()) != "null":
        raise Malformed
    return "{}"
