"""A call that must come: the schema that the engine holds the answer to, and the program that reads it back.

The same for every family, since the schema is ours. Knows JSON Schema; does not know engines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Malformed, Reading
from gateway.prompting.output import Calls, Output
from gateway.prompting.reading import Program, attempt, text_program
from gateway.prompting.tool_calls.json_calls import read_calls

_NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


def schema_of_calls(tools: Sequence[Tool], *, parallel: bool) -> dict[str, Any]:
    """At least one call of one of the tools: a list of objects with name and parameters."""
    definitions: dict[str, Any] = {}
    each = []
    for number, tool in enumerate(tools):
        parameters = tool.parameters if tool.parameters is not None else _NOTHING
        if _refers(parameters):
            # References are from the root of a schema, and this is not the root here.
            place = f"tool_{number}"
            definitions[place] = _moved(parameters, f"#/$defs/{place}")
            parameters = {"$ref": f"#/$defs/{place}"}
        each.append(
            {
                "type": "object",
                "properties": {"name": {"type": "string", "enum": [tool.name]}, "parameters": parameters},
                "required": ["name", "parameters"],
                "additionalProperties": False,
            }
        )
    schema: dict[str, Any] = {"type": "array", "minItems": 1, "items": each[0] if len(each) == 1 else {"anyOf": each}}
    if not parallel:
        schema["maxItems"] = 1
    return schema | ({"$defs": definitions} if definitions else {})


def schema_of_arguments(tool: Tool) -> dict[str, Any]:
    return dict(tool.parameters if tool.parameters is not None else _NOTHING)


def required_program(dropped: Sequence[str]) -> Program:
    """Reads what `schema_of_calls` allows. An answer that an engine did not hold to it is text."""
    rest = text_program(dropped)

    def program(cursor: Cursor, output: Output, calls: Calls) -> Reading[None]:
        yield from cursor.space()
        yield from attempt(read_calls(cursor, calls), "", cursor, output)
        yield from rest(cursor, output, calls)

    return program


def named_program(name: str, dropped: Sequence[str]) -> Program:
    """Reads the arguments of the one function."""
    rest = text_program(dropped)

    def arguments(cursor: Cursor, calls: Calls) -> Reading[None]:
        if (yield from cursor.peek()) != "{":
            raise Malformed
        calls.begin(name)
        yield from cursor.stream_value(calls.arguments)
        calls.end()

    def program(cursor: Cursor, output: Output, calls: Calls) -> Reading[None]:
        yield from cursor.space()
        yield from attempt(arguments(cursor, calls), "", cursor, output)
        yield from rest(cursor, output, calls)

    return program


def _refers(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return "$ref" in schema or any(_refers(each) for each in schema.values())
    return isinstance(schema, list) and any(_refers(each) for each in schema)


def _moved(schema: Any, root: str) -> Any:
    if isinstance(schema, Mapping):
        return {
            key: root + value[1:]
            if key == "$ref" and isinstance(value, str) and value.startswith("#")
            else _moved(value, root)
            for key, value in schema.items()
        }
    return [_moved(each, root) for each in schema] if isinstance(schema, list) else schema
