"""Which tools the model is shown, whether it must call one, and what its calls are held to.

Knows the request's tools and the model's family; does not know prompts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

import jsonschema_rs

from gateway.domain.generation import GenerationRequest, Tool
from gateway.prompting.guided import named_program, required_program, schema_of_arguments, schema_of_calls
from gateway.prompting.output import Check
from gateway.prompting.reading import Program
from gateway.prompting.tool_calls.family import Family
from modelyard.abilities import takes_tools
from modelyard.errors import InvalidInput


@dataclass(frozen=True)
class Choice:
    """`shown` is what the template gets. `schema` is what the engine holds the answer to, which `program` reads back;
    without one, `parsed` says whether calls are looked for in the text. `checks` are of the strict functions."""

    shown: tuple[Tool, ...] = ()
    schema: Mapping[str, Any] | None = None
    program: Program | None = None
    parsed: bool = False
    checks: Mapping[str, Check] = field(default_factory=dict)


def choice_of(request: GenerationRequest, template: str, family: Family | None, *, harmony: bool) -> Choice:
    """Raises InvalidInput for what this model cannot do, or what does not fit together."""
    choice, tools = request.tool_choice, request.tools
    if choice.mode == "none" or not tools:
        if choice.mode == "required":
            raise InvalidInput("a call is asked for, but there are no tools to call", field="tool_choice")
        return Choice()
    if not takes_tools(template):
        raise InvalidInput(
            "this model's chat template has no place for tools",
            field="tools",
            hint="leave them out, or use a model with the ability 'tools'",
        )
    checks = {tool.name: _check(place, tool) for place, tool in enumerate(tools) if tool.parameters is not None}
    if request.sampling.structured_outputs is not None:
        raise InvalidInput(
            "an answer cannot be held to a form and be free to call tools at the same time",
            field="response_format",
            hint="leave out one of the two, or send tool_choice none",
        )
    if choice.mode == "required":
        if choice.name is None:
            schema = schema_of_calls(tools, parallel=request.parallel_tool_calls)
            return Choice(tools, schema, required_program(()))
        wanted = next((tool for tool in tools if tool.name == choice.name), None)
        if wanted is None:
            raise InvalidInput(f"the function '{choice.name}' is not among the tools", field="tool_choice")
        return Choice(tools, schema_of_arguments(wanted), named_program(wanted.name, ()))
    if family is None and not harmony:
        raise InvalidInput(
            "how this model writes its calls is not known, so it cannot be left to choose",
            field="tools",
            hint="with tool_choice required, or a named function, every model calls tools",
        )
    strict = {tool.name for tool in tools if tool.strict}
    return Choice(tools, parsed=True, checks={name: check for name, check in checks.items() if name in strict})


def _check(place: int, tool: Tool) -> Check:
    try:
        check: Check = _validator(json.dumps(tool.parameters, sort_keys=True)).is_valid
        return check
    except (ValueError, TypeError, RecursionError) as error:
        why = str(error).partition("\n")[0]
        raise InvalidInput(
            f"the parameters of '{tool.name}' are not a JSON schema: {why}", field=f"tools[{place}].function.parameters"
        ) from None


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(json.loads(schema), retriever=_refuse)


def _refuse(address: str) -> NoReturn:
    raise ValueError("a schema is not fetched from elsewhere")
