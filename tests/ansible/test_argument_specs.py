"""What a role says of its variables in meta/argument_specs.yml is what defaults/main.yml has.

Ansible checks values against it before a role begins, and `ansible-doc` prints it, so the two must not drift.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.ansible import tools

TYPES = {"str": str, "path": str, "bool": bool, "int": int, "float": (int, float), "list": list, "dict": dict}


def defaults(role: str) -> dict[str, Any]:
    return tools.load(tools.COLLECTION / "roles" / role / "defaults/main.yml") or {}


def options(role: str) -> dict[str, Any]:
    specs = tools.load(tools.COLLECTION / "roles" / role / "meta/argument_specs.yml")
    return specs["argument_specs"]["main"].get("options", {})


def is_template(value: object) -> bool:
    return isinstance(value, str) and "{{" in value


@pytest.mark.parametrize("role", tools.ROLES)
def test_each_default_is_specified_and_each_optional_variable_has_a_default(role: str) -> None:
    optional = {name for name, option in options(role).items() if not option.get("required")}
    assert set(defaults(role)) == optional


@pytest.mark.parametrize("role", tools.ROLES)
def test_each_variable_has_a_type_and_a_sentence_and_the_default_that_is_used(role: str) -> None:
    for name, option in options(role).items():
        assert option.get("description"), f"{name} has no description"
        assert option.get("type") in TYPES, f"{name} has no type"
        if option.get("required"):
            continue
        value = defaults(role)[name]
        if is_template(value):
            assert option.get("default", value) == value, f"{name} has another default in its specification"
        else:
            assert isinstance(value, TYPES[option["type"]]), f"the default of {name} is no {option['type']}"
            assert "default" in option, f"{name} has no default in its specification"
            assert option["default"] == value, f"{name} has another default in its specification"
            assert value in option.get("choices", [value]), f"the default of {name} is not among its choices"


@pytest.mark.parametrize("role", tools.ROLES)
def test_each_default_is_explained_where_it_stands(role: str) -> None:
    """A comment above each variable or above the first of a group that belongs together."""
    lines = (tools.COLLECTION / "roles" / role / "defaults/main.yml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z_]+:", line) and not lines[number - 1].strip():
            raise AssertionError(f"{role}: no comment above {line}")


@pytest.mark.parametrize("role", tools.ROLES)
def test_each_variable_bears_the_name_of_its_role(role: str) -> None:
    assert [name for name in defaults(role) if not name.startswith(f"{role}_")] == []
