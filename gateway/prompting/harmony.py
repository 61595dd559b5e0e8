"""The form of gpt-oss: an answer is several messages, each in a channel, and a call is a message to a function.

`analysis` is the thought; `final`, and `commentary` to nobody, are text. Knows this form only.
"""

from __future__ import annotations

from gateway.prompting.cursor import Cursor, Malformed, Marks, Reading
from gateway.prompting.output import Calls, Output
from gateway.prompting.reading import Program, attempt, copy_until

FINAL = "<|channel|>final<|message|>"  # after it, the answer itself
_CHANNEL, _MESSAGE, _START = "<|channel|>", "<|message|>", "<|start|>"
_ENDS = Marks(("<|end|>", "<|call|>", "<|return|>", _START, _CHANNEL))
_HEADS = Marks((_MESSAGE,))
_TO = "to=functions."


def harmony_program(*, final: bool) -> Program:
    """`final`: the prompt ends within the final message already."""

    def program(cursor: Cursor, output: Output, calls: Calls) -> Reading[None]:
        output.tidy = True
        if final:
            yield from _past(cursor, output)
        while (yield from cursor.peek()):
            begun = yield from _opens(cursor)
            if not begun:
                yield from _past(cursor, output)
                continue
            head: list[str] = []
            if not (yield from copy_until(_HEADS, cursor, head.append)):
                output.text("".join(head))  # it breaks off in the head
                return
            cursor.at += len(_MESSAGE)
            cursor.forget()
            channel, _, recipient = "".join(head).partition(_TO)
            if recipient:
                name = recipient.split("<|")[0].split()[0] if recipient.split() else ""
                if name:
                    yield from attempt(_call(cursor, calls, name), "", cursor, output)
                yield from _past(cursor, output)
            elif "analysis" in channel:
                yield from copy_until(_ENDS, cursor, output.reasoning)
                output.end_of_reasoning()
            else:
                yield from _past(cursor, output)

    return program


def _opens(cursor: Cursor) -> Reading[bool]:
    yield from cursor.space()
    for mark in (_START, _CHANNEL):
        if (yield from cursor.take(mark)):
            cursor.at -= len(mark)
            return True
    return False


def _past(cursor: Cursor, output: Output) -> Reading[None]:
    """Text up to the next message; the mark that ends it is gone over."""
    mark = yield from copy_until(_ENDS, cursor, output.text)
    if mark not in (_START, _CHANNEL):
        cursor.at += len(mark)


def _call(cursor: Cursor, calls: Calls, name: str) -> Reading[None]:
    yield from cursor.space()
    if (yield from cursor.peek()) != "{":
        raise Malformed
    calls.begin(name)
    yield from cursor.stream_value(calls.arguments)
    calls.end()
