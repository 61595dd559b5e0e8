"""Calls as Python writes them, `[f(a=1, b="x"), g()]`: Llama 3.2 and 4, LFM 2.

Arguments are literals; they go out as JSON when a call is whole, since only then their form is known. Knows this form
only.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Malformed, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family

_LONGEST = 2**18  # characters of a call; the parser of Python needs much memory for long ones
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_NAMES = {"true": True, "false": False, "null": None, "none": None}


class Pythonic(Family):
    name = "pythonic"
    openings = ("<|python_start|>", "<|tool_call_start|>")
    first = "["

    def writes(self, template: str) -> bool:
        return "func_name1(" in template or any(opening in template for opening in self.openings)

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        if not (yield from cursor.take(self.openings[0])):
            yield from cursor.take(self.openings[1])
        yield from cursor.space()
        yield from cursor.expect("[")
        while True:
            yield from cursor.space()
            source = yield from _one(cursor)
            for name, arguments in called(source):
                calls.whole(name, arguments)
            yield from cursor.space()
            if not (yield from cursor.take(",")):
                break
        yield from cursor.take("]")
        yield from cursor.space()
        if not (yield from cursor.take("<|python_end|>")):
            yield from cursor.take("<|tool_call_end|>")


def _one(cursor: Cursor) -> Reading[str]:
    """The text of a call up to its closing parenthesis."""
    begun = cursor.at
    yield from cursor.name()
    if (yield from cursor.peek()) != "(":
        raise Malformed
    expected: list[str] = []
    quote = ""
    while char := (yield from cursor.peek()):
        cursor.at += 1
        if quote:
            if char == "\\":
                yield from cursor.peek()
                cursor.at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in _CLOSES:
            expected.append(_CLOSES[char])
        elif char in ")]}":
            if expected.pop() != char:
                raise Malformed
            if not expected:
                return cursor.text[begun : cursor.at]
        if cursor.at - begun > _LONGEST:
            break
    raise Malformed


def called(source: str) -> list[tuple[str, str]]:
    """The names and arguments of the calls in Python's text, which may be in a list or printed. Raises Malformed."""
    if len(source) > _LONGEST:
        raise Malformed
    try:
        found = [each for statement in ast.parse(source).body for each in _calls(statement)]
        return [(ast.unparse(call.func), _arguments(call)) for call in found]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Malformed from None


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.Expr | ast.Assign):
        yield from _calls(node.value)
    elif isinstance(node, ast.List | ast.Tuple):
        for each in node.elts:
            yield from _calls(each)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        if isinstance(node.func, ast.Name) and node.func.id == "print" and node.args:
            for each in node.args:
                yield from _calls(each)
        else:
            yield node
    else:
        raise Malformed


def _arguments(call: ast.Call) -> str:
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise Malformed
    given = {str(keyword.arg): _value(keyword.value) for keyword in call.keywords}
    return json.dumps(given, ensure_ascii=False)


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id.lower() in _NAMES:
        return _NAMES[node.id.lower()]
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {str(_value(key)): _value(value) for key, value in pairs if key is not None}
    value = ast.literal_eval(node)
    if not isinstance(value, str | int | float | bool | None):
        raise Malformed
    return value
