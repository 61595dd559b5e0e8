"""A JSON schema as a grammar of JSON texts that all keep to it.

Not all texts that do: properties come in the schema's order, those that it does not name are left out unless it names
none, and white space is bounded, since a model that may write it without end sometimes does. A keyword that cannot be
kept is refused by name. Knows schemas; does not know the engine.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from . import numbers
from .literals import UNESCAPED, characters, literal
from .regular import repetition
from .scalars import bounds, of_constants, of_number, of_string

Schema = Any  # an object, or true or false

_SPACE = '" "?'
# An escape by number is never half of a pair.
_CHARACTER = (
    f'({characters(UNESCAPED)} | "\\\\" (["\\\\/bfnrt]'
    ' | "u" ([0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2})))'
)
_BASIC = {
    "space": _SPACE,
    "character": _CHARACTER,
    "string": '"\\"" character* "\\""',
    "number": numbers.NUMBER,
    "integer": numbers.INTEGER,
    "value": 'object | array | string | number | "true" | "false" | "null"',
    "object": '"{" space (member ("," space member)*)? space "}"',
    "member": 'string ":" space value',
    "array": '"[" space (value ("," space value)*)? space "]"',
}
_DEEPEST = 64
_MOST_RULES = 10_000
_TEXTS = frozenset({"title", "description", "example", "examples", "$comment", "contentMediaType", "contentEncoding"})
_SAYS_NOTHING = _TEXTS | {
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "discriminator",
    "$schema",
    "$id",
    "$anchor",
    "$defs",
    "definitions",
}
_OF_TYPE: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "boolean": frozenset(),
    "null": frozenset(),
}


def of_schema(schema: Schema) -> str:
    """The grammar of a schema. Raises ValueError with what cannot be kept."""
    writer = _Writer(schema)
    root = writer.rule_of(schema, "#", 0)
    return "\n".join([f"root ::= {root}", *(f"{name} ::= {text}" for name, text in {**_BASIC, **writer.rules}.items())])


class _Writer:
    def __init__(self, document: Schema) -> None:
        self._document = document
        self._of_place: dict[str, str] = {}  # names of rules by the places that references point at
        self.rules: dict[str, str] = {}

    def rule_of(self, schema: Schema, place: str, depth: int) -> str:
        """The name of a rule, or an expression, for a schema."""
        if depth > _DEEPEST:
            raise ValueError(f"a schema of at most {_DEEPEST} levels")
        if schema is True or (isinstance(schema, dict) and not schema.keys() - _SAYS_NOTHING):
            return "value"
        if not isinstance(schema, dict):
            raise ValueError(f"a schema in which {place} is an object")
        given = {name: each for name, each in schema.items() if name not in _SAYS_NOTHING and not name.startswith("x-")}
        for name in ("$ref", "allOf", "anyOf", "oneOf"):
            if name in given:
                return self._combined(name, given, place, depth)
        if "const" in given or "enum" in given:
            return self._named(of_constants(given, place))
        types = given.get("type") or _types_of(given)
        if not types:
            raise ValueError(f"a schema without '{next(iter(given))}' (in {place})")
        types = [types] if isinstance(types, str) else types
        if not isinstance(types, list) or not all(isinstance(each, str) and each in _OF_TYPE for each in types):
            raise ValueError(f"a schema whose types are those of JSON (in {place})")
        known = {"type"}.union(*(_OF_TYPE[each] for each in types))
        if unknown := sorted(given.keys() - known):
            raise ValueError(f"a schema without '{unknown[0]}', which this engine cannot keep to (in {place})")
        return self._named(" | ".join(self._of_type(each, given, place, depth) for each in types))

    def _combined(self, name: str, given: dict[str, Any], place: str, depth: int) -> str:
        others = sorted(given.keys() - {name})
        if others == ["type"] and name != "$ref":
            # Said of all the ways at once, as many schemas do: it goes into those that do not say it themselves.
            given = {name: [_with_type(each, given["type"]) for each in _ways(given[name], name, place)]}
        elif others:
            raise ValueError(f"a schema without '{others[0]}' beside '{name}' (in {place})")
        if name == "$ref":
            return self._referred(given[name], place, depth)
        ways = _ways(given[name], name, place)
        if name == "allOf" and len(ways) > 1:
            raise ValueError(f"a schema without 'allOf' of several (in {place})")
        if name == "oneOf" and not self._are_apart(ways):
            raise ValueError(f"a schema whose 'oneOf' (in {place}) are told apart by type or by a constant property")
        texts = [self.rule_of(each, f"{place}/{name}/{index}", depth + 1) for index, each in enumerate(ways)]
        return self._named(" | ".join(texts))

    def _referred(self, reference: Any, place: str, depth: int) -> str:
        target = self._target(reference, place)
        if reference not in self._of_place:
            # The name comes first: the rule may refer to itself.
            self._of_place[reference] = name = self._named("")
            self.rules[name] = self.rule_of(target, reference, depth + 1)
            self._refuse_a_circle(name, place)
        return self._of_place[reference]

    def _refuse_a_circle(self, name: str, place: str) -> None:
        """References that only lead to each other say nothing that could be written."""
        seen = {name}
        while (name := self.rules.get(name, "")) in self.rules:
            if name in seen:
                raise ValueError(f"a schema whose references (in {place}) lead to something")
            seen.add(name)

    def _target(self, reference: Any, place: str) -> Schema:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ValueError(f"a schema whose '$ref' (in {place}) points into itself")
        found = self._document
        for part in reference[1:].split("/")[1:]:
            key = urllib.parse.unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (KeyError, IndexError, TypeError, ValueError):
                raise ValueError(f"a schema that has '{reference}', as {place} says") from None
        return found

    def _are_apart(self, ways: list[Schema]) -> bool:
        """Whether no JSON value can be two of them."""
        ways = [
            self._target(each["$ref"], "oneOf") if isinstance(each, dict) and "$ref" in each else each for each in ways
        ]
        if not all(isinstance(each, dict) for each in ways):
            return False
        types = ["number" if each.get("type") == "integer" else each.get("type") for each in ways]
        if all(isinstance(each, str) for each in types) and len(set(types)) == len(types):
            return True
        constants = [_constants(each) for each in ways]
        return any(
            len({json.dumps(each[name], sort_keys=True) for each in constants}) == len(ways)
            for name in constants[0]
            if all(name in each for each in constants)
        )

    def _of_type(self, kind: str, given: dict[str, Any], place: str, depth: int) -> str:
        if kind == "object":
            return self._object(given, place, depth)
        if kind == "array":
            return self._array(given, place, depth)
        if kind == "string":
            return of_string(given, place)
        if kind in ("integer", "number"):
            return of_number(kind, given, place)
        return '"null"' if kind == "null" else '("true" | "false")'

    def _object(self, given: dict[str, Any], place: str, depth: int) -> str:
        properties, required = given.get("properties", {}), given.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise ValueError(f"a schema whose 'properties' is an object and 'required' a list (in {place})")
        others = given.get("additionalProperties", True)
        if not properties and not required:
            return self._map(others, place, depth)
        members = dict(properties)
        for name in required:
            if not isinstance(name, str) or (name not in members and others is False):
                raise ValueError(f"a schema whose 'required' are among its 'properties' (in {place})")
            members.setdefault(name, others)
        # From the last to the first: what may follow when something came before, and when nothing did.
        after, first = '""', '""'
        for name, schema in reversed(members.items()):
            value = self.rule_of(schema, f"{place}/properties/{name}", depth + 1)
            member = self._named(f'{literal(json.dumps(name, ensure_ascii=False))} ":" space {value}')
            if name in required:
                first = f"{member} {after}"
                after = self._named(f'"," space {member} {after}')
            else:
                first = self._named(f"{member} {after} | {first}")
                after = self._named(f'("," space {member})? {after}')
        return f'"{{" space {self._named(first)} space "}}"'

    def _map(self, others: Schema, place: str, depth: int) -> str:
        if others is True:
            return "object"
        if others is False:
            return '"{" space "}"'
        member = self._named(f'string ":" space {self.rule_of(others, f"{place}/additionalProperties", depth + 1)}')
        return f'"{{" space ({member} ("," space {member})*)? space "}}"'

    def _array(self, given: dict[str, Any], place: str, depth: int) -> str:
        if given.get("uniqueItems"):
            raise ValueError(f"a schema without 'uniqueItems', which this engine cannot keep to (in {place})")
        least, most = bounds(given, "minItems", "maxItems", place)
        begin = given.get("prefixItems", [])
        if not isinstance(begin, list):
            raise ValueError(f"a schema whose 'prefixItems' is a list (in {place})")
        items = given.get("items", True)
        parts = [
            self.rule_of(each, f"{place}/prefixItems/{index}", depth + 1)
            for index, each in enumerate(begin[: len(begin) if most is None else most])
        ]
        # What follows a prefix is left out where it may be.
        least, most = max(least - len(parts), 0), None if most is None else most - len(parts)
        if begin:
            most = least
        if most == 0 or items is False:
            if least:
                raise ValueError(f"a schema whose 'minItems' its 'items' allow (in {place})")
            return f'"[" space {_in_a_row(parts)} space "]"' if parts else '"[" space "]"'
        item = self.rule_of(items, f"{place}/items", depth + 1)
        if parts:
            more = f'("," space {item}){repetition(least, most)}'
            return f'"[" space {_in_a_row(parts)} {more} space "]"'
        rest = f'{item} ("," space {item}){repetition(max(least - 1, 0), None if most is None else most - 1)}'
        return f'"[" space {rest if least else f"({rest})?"} space "]"'

    def _named(self, text: str) -> str:
        if len(self.rules) >= _MOST_RULES:
            raise ValueError("a smaller schema")
        name = f"r{len(self.rules)}"
        self.rules[name] = text
        return name


def _in_a_row(parts: list[str]) -> str:
    return ' "," space '.join(parts)


def _types_of(given: dict[str, Any]) -> list[str]:
    """Types whose keywords are there, where no type is: a value of another type would do as well, and is left out."""
    found = [kind for kind, words in _OF_TYPE.items() if kind != "integer" and given.keys() & (words - {"format"})]
    return found[:1] if len(found) == 1 else []


def _ways(value: Any, name: str, place: str) -> list[Schema]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"a schema whose '{name}' is a list of schemas (in {place})")
    return value


def _with_type(schema: Schema, kind: Any) -> Schema:
    if schema is True:
        return {"type": kind}
    if not isinstance(schema, dict) or "$ref" in schema or schema.get("type", kind) != kind:
        raise ValueError("a schema without 'type' beside ways of other types")
    return {**schema, "type": kind}


def _constants(schema: dict[str, Any]) -> dict[str, Any]:
    """Properties that must be there and can have one value only."""
    properties = schema.get("properties", {})
    found: dict[str, Any] = {}
    for name in schema.get("required", []) if isinstance(properties, dict) else []:
        about = properties.get(name)
        if isinstance(about, dict) and "const" in about:
            found[name] = about["const"]
        elif isinstance(about, dict) and isinstance(about.get("enum"), list) and len(about["enum"]) == 1:
            found[name] = about["enum"][0]
    return found
