"""Qwen 3 Coder, Qwen 3.5 and Nemotron 3: `<function=name><parameter=key>value</parameter></function>`.

The values stand without quotes, so the tool's schema says what is text and what is JSON; each parameter goes out as it
is whole. Knows this form only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Malformed, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.json_calls import read_calls


class QwenXml(Family):
    name = "qwen_xml"
    openings = ("<tool_call>", "<function=")

    def writes(self, template: str) -> bool:
        return "<function=" in template and "<parameter=" in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        marked = yield from cursor.take("<tool_call>")
        yield from cursor.space()
        if marked and (yield from cursor.peek()) in ("{", "["):
            yield from read_calls(cursor, calls)
        else:
            yield from cursor.expect("<function=")
            while True:
                yield from _function(cursor, calls, tools)
                yield from cursor.space()
                if not (yield from cursor.take("<function=")):
                    break
        yield from cursor.space()
        yield from cursor.take("</tool_call>")


def _function(cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
    name = (yield from cursor.through(">")).strip()
    if not name or "\n" in name:
        raise Malformed
    yield from cursor.space()
    known = next((tool.parameters or {} for tool in tools if tool.name == name), {})
    properties = known.get("properties")
    before = "{"
    begun = False
    while not (yield from cursor.take("</function>")):
        yield from cursor.expect("<parameter=")
        key = (yield from cursor.through(">")).strip()
        value = yield from cursor.through("</parameter>")
        if not begun:
            calls.begin(name)
            begun = True
        schema = properties.get(key) if isinstance(properties, Mapping) else None
        calls.arguments(before + json.dumps(key, ensure_ascii=False) + ": " + _as_json(value, schema))
        before = ", "
        yield from cursor.space()
    if not begun:
        calls.begin(name)
    calls.arguments("}" if begun else "{}")
    calls.end()


def _as_json(value: str, schema: Any) -> str:
    value = value.removeprefix("\n").removesuffix("\n")
    if not _is_text(schema):
        try:
            json.loads(value)
            return value.strip()
        except (ValueError, RecursionError):
            if value.strip().lower() in ("true", "false"):
                return value.strip().lower()
    return json.dumps(value, ensure_ascii=False)


def _is_text(schema: Any) -> bool:
    """Whether it can be nothing but text; what the schema does not name is."""
    if not isinstance(schema, Mapping):
        return True
    for union in ("anyOf", "oneOf"):
        if isinstance(schema.get(union), list):
            return all(_is_text(each) for each in schema[union])
    kind = schema.get("type", "string" if "$ref" not in schema else "object")
    return all(each == "string" for each in (kind if isinstance(kind, list) else [kind]))
