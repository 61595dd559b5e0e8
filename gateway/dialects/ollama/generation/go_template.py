"""The prompt templates of Ollama's model files, which are Go's, read into a tree.

Takes the usual ones: .System, .Prompt, .Response, a range over .Messages with .Role and .Content, and if, else, eq, ne,
and, or, not. Refuses the rest by name. Knows Go's language; what a tree becomes is written in `go_to_jinja.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.errors import FieldRefused

_ACTION = re.compile(
    r"\{\{(-(?=\s))?\s*(/\*.*?\*/|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|(?!\{\{)[^\"`])*?)\s*((?<=\s)-)?\}\}", re.DOTALL
)
_TOKEN = re.compile(r"\s*(?:(\"(?:\\.|[^\"\\])*\")|(`[^`]*`)|([()])|(\$?\.[A-Za-z]\w*)|([A-Za-z]\w*))")
_LONGEST = 32_768  # characters; the longest of Ollama's own have some 10,000
_GO = re.compile(r"\{\{-?\s*(?:(?:if|else|end|range|with|block|define|template|json|slice|len)\b|[.$/])")
_ROOT = ("System", "Prompt", "Response", "Messages")
_MESSAGE = {"Role": "m.role", "Content": "content(m)"}
_COMPARISONS = {"eq": "==", "ne": "!="}


def quoted(text: str) -> str:
    """A text as an expression."""
    # Not by escapes for what is beyond ASCII: Jinja would read the halves of a pair as two characters.
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Output:
    """`answer` marks where the answer begins."""

    expression: str
    answer: bool = False


@dataclass(frozen=True)
class If:
    condition: str
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True)
class Range:
    body: tuple[Node, ...]


Node = Text | Output | If | Range


def is_go(template: str) -> bool:
    return "{%" not in template and _GO.search(template) is not None


def read(template: str, *, field: str) -> tuple[Node, ...]:
    """The tree of a template. Raises FieldRefused, naming what is not taken."""
    if len(template) > _LONGEST:
        raise FieldRefused(field, f"a Go template may have {_LONGEST} characters; write it in Jinja")
    try:
        return _Reader(template, field).tree()
    except RecursionError:
        raise FieldRefused(field, "it is nested too deeply") from None


class _Reader:
    """Reads a template into a tree."""

    def __init__(self, template: str, field: str) -> None:
        self._field = field
        self._items = list(self._split(template))
        self._at = 0
        self._ranges = 0

    def tree(self) -> tuple[Node, ...]:
        nodes, ended_by = self._block()
        if ended_by:
            raise self._refused(ended_by, "it ends nothing")
        return nodes

    def _split(self, template: str) -> Iterator[tuple[bool, str]]:
        """Texts and actions in turn, (is an action, text), with the white space cut off where dashes say so."""
        at, trim = 0, False
        for found in _ACTION.finditer(template):
            text = template[at : found.start()]
            text = text.lstrip() if trim else text
            yield False, text.rstrip() if found[1] else text
            if not found[2].startswith("/*"):
                yield True, found[2].strip()
            at, trim = found.end(), found[3] is not None
        rest = template[at:]
        if "{{" in rest:
            raise self._refused(rest[rest.index("{{") + 2 :][:40], "it is not closed")
        yield False, rest.lstrip() if trim else rest

    def _block(self) -> tuple[tuple[Node, ...], str]:
        """The nodes up to an end or an else, and the action that was."""
        nodes: list[Node] = []
        while self._at < len(self._items):
            is_action, text = self._items[self._at]
            self._at += 1
            word = text.split(None, 1)[0] if is_action and text else ""
            if not is_action:
                nodes += [Text(text)] if text else []
            elif word in ("end", "else"):
                return tuple(nodes), text
            elif word == "if":
                nodes.append(self._if(text.removeprefix("if")))
            elif word == "range":
                nodes.append(self._range(text))
            else:
                expression = self._expression(text)
                nodes.append(Output(expression, answer=expression == "Response"))
        return tuple(nodes), ""

    def _if(self, condition: str) -> If:
        test = self._expression(condition)
        then, ended_by = self._block()
        otherwise: tuple[Node, ...] = ()
        if ended_by.startswith("else"):
            further = ended_by.removeprefix("else").strip()
            if further.startswith("if"):
                return If(test, then, (self._if(further.removeprefix("if")),))
            otherwise, ended_by = self._block()
        self._must_end(ended_by)
        return If(test, then, otherwise)

    def _range(self, action: str) -> Range:
        if action.split() not in (["range", ".Messages"], ["range", "$.Messages"]) or self._ranges:
            raise self._refused(action)
        self._ranges += 1
        body, ended_by = self._block()
        self._must_end(ended_by)
        self._ranges -= 1
        return Range(body)

    def _must_end(self, ended_by: str) -> None:
        if ended_by != "end":
            raise self._refused(ended_by or "if", "an {{ end }} is missing")

    def _expression(self, source: str) -> str:
        """An operand, or a function of operands."""
        tokens = self._tokens(source)
        expression, rest = self._call(tokens, source)
        if rest:
            raise self._refused(source)
        return expression

    def _tokens(self, source: str) -> list[str]:
        tokens, at = [], 0
        source = source.strip()
        while at < len(source):
            found = _TOKEN.match(source, at)
            if found is None:
                raise self._refused(source)
            tokens.append(found[0].strip())
            at = found.end()
        return tokens

    def _call(self, tokens: list[str], source: str) -> tuple[str, list[str]]:
        if not tokens:
            raise self._refused(source)
        function = tokens[0]
        if function not in ("eq", "ne", "and", "or", "not"):
            return self._operand(tokens, source)
        operands: list[str] = []
        tokens = tokens[1:]
        while tokens and tokens[0] != ")":
            operand, tokens = self._operand(tokens, source)
            operands.append(operand)
        if function == "not" and len(operands) == 1:
            return f"(not {operands[0]})", tokens
        if len(operands) < 2 or function == "not" or (function == "ne" and len(operands) > 2):
            raise self._refused(source)
        if sign := _COMPARISONS.get(function):
            compared = (f"{operands[0]} {sign} {each}" for each in operands[1:])
            return f"({' or '.join(compared)})", tokens
        return f"({f' {function} '.join(operands)})", tokens

    def _operand(self, tokens: list[str], source: str) -> tuple[str, list[str]]:
        first, rest = tokens[0], tokens[1:]
        if first == "(":
            expression, rest = self._call(rest, source)
            if not rest or rest[0] != ")":
                raise self._refused(source)
            return expression, rest[1:]
        if first.startswith('"'):
            try:
                return quoted(json.loads(first)), rest
            except ValueError:
                raise self._refused(source) from None
        if first.startswith("`"):
            return quoted(first[1:-1]), rest
        name = first.lstrip("$.")
        if first.startswith(".") and self._ranges:
            if name in _MESSAGE:
                return _MESSAGE[name], rest
        elif first.startswith((".", "$.")) and name in _ROOT:
            return name, rest
        raise self._refused(source)

    def _refused(self, action: str, why: str = "") -> FieldRefused:
        return FieldRefused(
            self._field,
            f"'{{{{ {action.strip()} }}}}' of this Go template is not taken"
            + (f": {why}" if why else "")
            + "; write the template in Jinja, as Hugging Face's chat templates are",
        )
