"""Tools, the choice among them and the form of the text, as OpenAI's responses have them: flat, not nested.

Types and checks, and what they are in our words; knows nothing of how a model is told of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from gateway.dialects.openai.chat.tools import FunctionName
from gateway.dialects.openai.responses.refused import TEXT_REFUSED, TOOL_REFUSED
from gateway.dialects.openai.wire import Wire
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import Text
from gateway.domain import generation as ours
from modelyard.errors import FieldRefused, InvalidInput

_ONLY_FUNCTIONS = "tools are functions with a JSON Schema"
_MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}


class FunctionTool(Wire):
    type: Literal["function"]
    name: FunctionName
    description: Text | None = None
    parameters: dict[str, Any] | None = Field(None, description="A JSON Schema of the arguments; unset: none.")
    strict: bool | None = Field(None, description="The arguments keep to the schema.")


class NamedTool(Wire):
    type: Literal["function"]
    name: FunctionName


class ChosenTool(Wire):
    """One function that must be called, or the functions that may be."""

    type: Literal["function", "allowed_tools"]
    name: FunctionName | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list[NamedTool] | None = Field(None, min_length=1)


def _kind(value: Any) -> str:
    return "str" if isinstance(value, str) else "dict"


Choice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("str")] | Annotated[ChosenTool, Tag("dict")],
    Discriminator(_kind),
]


class TextFormat(Wire):
    type: Literal["text", "json_object", "json_schema"]
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    description: Text | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = Field(None, description="The answer keeps to the schema either way.")


class TextConfig(Wire):
    format: TextFormat | None = Field(None, description="The answer keeps to it, by guided generation.")


def without_refused_tools(given: dict[str, Any]) -> dict[str, Any]:
    """A request, not yet validated, less what asks for nothing in its tools and its text. Raises FieldRefused."""
    tools, choice = given.get("tools"), given.get("tool_choice")
    if isinstance(tools, list):
        given["tools"] = [_without_refused(f"tools[{place}]", tool) for place, tool in enumerate(tools)]
    if isinstance(choice, dict):
        _refuse_kind("tool_choice", choice, ("function", "allowed_tools"))
        allowed = choice.get("tools")
        for place, tool in enumerate(allowed if isinstance(allowed, list) else ()):
            _refuse_kind(f"tool_choice.tools[{place}]", tool, ("function",))
    if "text" in given:
        given["text"] = without_refused(given["text"], TEXT_REFUSED, where="text")
    return given


def _without_refused(where: str, tool: Any) -> Any:
    _refuse_kind(where, tool, ("function",))
    return without_refused(tool, TOOL_REFUSED, where=where)


def _refuse_kind(where: str, tool: Any, known: Sequence[str]) -> None:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if isinstance(kind, str) and kind not in known:
        raise FieldRefused(f"{where}.type", f"{_ONLY_FUNCTIONS}, and '{kind[:64]}' is none")


def to_tools(
    wire: Sequence[FunctionTool], choice: str | ChosenTool | None
) -> tuple[tuple[ours.Tool, ...], ours.ToolChoice]:
    """The tools that the model is told of, and whether it must call one. Raises InvalidInput where they contradict."""
    tools: dict[str, ours.Tool] = {}
    for place, one in enumerate(wire):
        if one.name in tools:
            raise InvalidInput(f"'tools[{place}].name' is the name of another tool too", field=f"tools[{place}].name")
        if (one.parameters or {}).get("type", "object") != "object":
            where = f"tools[{place}].parameters"
            raise InvalidInput(f"'{where}' must be a JSON Schema of an object", field=where)
        tools[one.name] = ours.Tool(one.name, one.description, one.parameters, bool(one.strict))
    if isinstance(choice, str | None):
        if choice == "required" and not tools:
            raise InvalidInput("'tool_choice' requires a call and there are no tools", field="tool_choice")
        return tuple(tools.values()), ours.ToolChoice(_MODES[choice or "auto"])
    if choice.type == "function" and choice.name is not None and choice.mode is None and choice.tools is None:
        return tuple(tools.values()), ours.ToolChoice("required", _known(choice.name, tools))
    if choice.type == "allowed_tools" and choice.mode is not None and choice.tools is not None and choice.name is None:
        allowed = {_known(each.name, tools) for each in choice.tools}
        # The model is not told of the others, so it cannot call them.
        return tuple(tool for name, tool in tools.items() if name in allowed), ours.ToolChoice(choice.mode)
    has = "'name'" if choice.type == "function" else "'mode' and 'tools'"
    raise InvalidInput(f"'tool_choice' of type '{choice.type}' has {has} and nothing else", field="tool_choice")


def _known(name: str, tools: dict[str, ours.Tool]) -> str:
    if name not in tools:
        raise InvalidInput(f"'tool_choice' names '{name}', which is not among the tools", field="tool_choice")
    return name


def to_shape(wire: TextConfig | None) -> dict[str, Any] | None:
    """What the answer is to keep to, as `Sampling.structured_outputs` has it; None is anything."""
    asked = wire.format if wire is not None else None
    if asked is None:
        return None
    is_schema = asked.type == "json_schema"
    for name in ("name", "schema", "description", "strict"):
        given = asked.schema_ if name == "schema" else getattr(asked, name)
        if given is None and is_schema and name in ("name", "schema"):
            raise InvalidInput(f"'text.format.{name}' is missing", field=f"text.format.{name}")
        if given is not None and not is_schema:
            wrong = f"does not belong to the type '{asked.type}'"
            raise InvalidInput(f"'text.format.{name}' {wrong}", field=f"text.format.{name}")
    if asked.type == "text":
        return None
    return {"json_object": True} if asked.schema_ is None else {"json": asked.schema_}
