"""A Jinja sandbox in which a template cannot go on for ever or fill the memory by loops, repetition or joining.

Jinja's own sandbox bounds one range() and nothing else. Knows nothing of chats.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

BUDGET = "modelyard_budget"  # the context's name for the budget of a rendering; no template uses it

_MAX_STEPS = 200_000  # iterations of all loops in one rendering; so many take under a second
_MAX_TEXT = 64 * 2**20  # characters of one value


class TooMuch(Exception):
    """A rendering went over a bound."""


class Budget:
    """Counts the iterations of one rendering."""

    def __init__(self) -> None:
        self.left = _MAX_STEPS

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooMuch("its loops do not come to an end")

    def bounded(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > _MAX_TEXT:
            raise TooMuch("it makes a text without end")
        return value


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Each loop's body begins with a step of the budget; what is joined, added or repeated has a largest size."""

    intercepted_binops = frozenset(("*", "**", "+"))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        _Counting().visit(parsed)
        return parsed

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*" and _repeated(left, right) > _MAX_TEXT:
            raise TooMuch("it repeats a text too often")
        if operator == "**" and not (isinstance(left, int | float) and abs(left) < 2**64 and abs(right) < 64):
            raise TooMuch("it raises a number to too high a power")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, str | list | tuple) and len(result) > _MAX_TEXT:
            raise TooMuch("it makes a text without end")
        return result


def _repeated(left: Any, right: Any) -> int:
    if isinstance(left, int):
        left, right = right, left
    return len(left) * right if hasattr(left, "__len__") and isinstance(right, int) else 0


class _Counting(NodeTransformer):
    """Puts the budget into a parsed template."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_call("step", [], node.lineno), lineno=node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:
        self.generic_visit(node)
        return _call("bounded", [node], node.lineno)


def _call(method: str, arguments: list[nodes.Expr], line: int) -> nodes.Call:
    budget = nodes.Name(BUDGET, "load", lineno=line)
    return nodes.Call(nodes.Getattr(budget, method, "load", lineno=line), arguments, [], None, None, lineno=line)
