"""The tools that a model may call and the form that its answer must have, as OpenAI has them.

Types and checks, and what they are in our words; knows nothing of how a model is told of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from gateway.dialects.openai.wire import Wire
from gateway.dialects.text import Text
from gateway.domain.generation import Tool, ToolChoice
from modelyard.errors import FieldRefused, InvalidInput

MAX_TOOLS = 512
_CHOICE = "tool_choice"
_MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}
# OpenAI's own are 64 letters, digits, _ and -; others' servers of tools put dots and slashes into theirs.
FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{1,128}$")]


class Function(Wire):
    name: FunctionName
    description: Text | None = None
    parameters: dict[str, Any] | None = Field(None, description="A JSON Schema of the arguments; unset: none.")
    strict: bool | None = Field(None, description="The arguments keep to the schema.")


class FunctionTool(Wire):
    type: Literal["function"]
    function: Function


class NamedFunction(Wire):
    name: FunctionName


class NamedTool(Wire):
    type: Literal["function"]
    function: NamedFunction


class AllowedTools(Wire):
    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1)


class ChosenTool(Wire):
    """One function that must be called, or the functions that may be."""

    type: Literal["function", "allowed_tools"]
    function: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None


def _kind(value: Any) -> str:
    return "str" if isinstance(value, str) else "dict"


Choice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("str")] | Annotated[ChosenTool, Tag("dict")],
    Discriminator(_kind),
]


class JSONSchema(Wire):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: Text | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema", description="Unset: any object.")
    strict: bool | None = Field(None, description="The answer keeps to the schema either way.")


class ResponseFormat(Wire):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JSONSchema | None = None


def refuse_custom_tools(tools: Any, choice: Any) -> None:
    """What is not validated yet. Raises FieldRefused for tools whose input is free text."""
    for place, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and tool.get("type") == "custom":
            raise FieldRefused(f"tools[{place}].type", "tools are functions with a JSON Schema")
    if isinstance(choice, dict) and choice.get("type") == "custom":
        raise FieldRefused("tool_choice.type", "tools are functions with a JSON Schema")


def to_tools(wire: Sequence[FunctionTool], choice: str | ChosenTool | None) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools that the model is told of, and whether it must call one. Raises InvalidInput where they contradict."""
    tools: dict[str, Tool] = {}
    for place, each in enumerate(wire):
        one = each.function
        if one.name in tools:
            where = f"tools[{place}].function.name"
            raise InvalidInput(f"'{where}' is the name of another tool too", field=where)
        if (one.parameters or {}).get("type", "object") != "object":
            where = f"tools[{place}].function.parameters"
            raise InvalidInput(f"'{where}' must be a JSON Schema of an object", field=where)
        tools[one.name] = Tool(one.name, one.description, one.parameters, bool(one.strict))
    if isinstance(choice, str | None):
        if choice == "required" and not tools:
            raise InvalidInput("'tool_choice' requires a call and there are no tools", field="tool_choice")
        return tuple(tools.values()), ToolChoice(_MODES[choice or "auto"])
    if choice.type == "function" and choice.function is not None and choice.allowed_tools is None:
        return tuple(tools.values()), ToolChoice("required", _known(choice.function.name, tools))
    if choice.type == "allowed_tools" and choice.allowed_tools is not None and choice.function is None:
        return _allowed(choice.allowed_tools, tools)
    raise InvalidInput(f"'tool_choice' of type '{choice.type}' has '{choice.type}' and nothing else", field=_CHOICE)


def _allowed(wire: AllowedTools, tools: dict[str, Tool]) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The model is not told of the others, so it cannot call them."""
    allowed = {_known(each.function.name, tools) for each in wire.tools}
    return tuple(tool for name, tool in tools.items() if name in allowed), ToolChoice(wire.mode)


def _known(name: str, tools: dict[str, Tool]) -> str:
    if name not in tools:
        raise InvalidInput(f"'tool_choice' names '{name}', which is not among the tools", field=_CHOICE)
    return name


def to_shape(wire: ResponseFormat | None) -> dict[str, Any] | None:
    """What the answer is to keep to, as `Sampling.structured_outputs` has it; None is anything."""
    if wire is None or (wire.type == "text" and wire.json_schema is None):
        return None
    if (wire.json_schema is None) == (wire.type == "json_schema"):
        wrong = "is missing" if wire.json_schema is None else f"does not belong to the type '{wire.type}'"
        raise InvalidInput(f"'response_format.json_schema' {wrong}", field="response_format.json_schema")
    if wire.json_schema is None or wire.json_schema.schema_ is None:
        return {"json_object": True}
    return {"json": wire.json_schema.schema_}
