"""What lies in deploy/compose and deploy/monitoring, read as the tests need it.

Knows the form of the files; does not know what is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = ROOT / "deploy/compose"
MONITORING = ROOT / "deploy/monitoring"
OPERATIONS = ROOT / "docs/operations.md"
PROMTOOL_TESTS = Path(__file__).with_name("alerts")

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*)|:\?(?P<complaint>[^}]*))?\}")

# Where Compose makes a number of what a variable says.
_NUMBERS: dict[str, Callable[[str], float]] = {"cpus": float, "scale": int}


@dataclass(frozen=True)
class Variable:
    """As a compose file writes it; `complaint` is set where it has to be given."""

    name: str
    default: str | None
    complaint: str | None


def compose_files() -> dict[str, Path]:
    """By the middle of their names; the base file is ''."""
    return {path.stem.removeprefix("compose").lstrip("."): path for path in sorted(COMPOSE.glob("compose*.yml"))}


def variables(path: Path) -> list[Variable]:
    return [Variable(**found.groupdict()) for found in _VARIABLE.finditer(path.read_text())]


def interpolated(path: Path, given: dict[str, str]) -> dict[str, Any]:
    """The file as Compose reads it, with these variables and the defaults of the others."""
    loaded: dict[str, Any] = _filled(yaml.safe_load(path.read_text()), given)
    return loaded


def _filled(node: Any, given: dict[str, str], key: str = "") -> Any:
    if isinstance(node, dict):
        return {name: _filled(each, given, name) for name, each in node.items()}
    if isinstance(node, list):
        return [_filled(each, given) for each in node]
    if not isinstance(node, str):
        return node
    text = _VARIABLE.sub(lambda found: given.get(found["name"], found["default"] or ""), node)
    return _NUMBERS[key](text) if key in _NUMBERS else text.replace("$$", "$")


def services(given: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """File, name and content of each service of each file."""
    return [
        (file, name, service)
        for file, path in compose_files().items()
        for name, service in interpolated(path, given)["services"].items()
    ]


@cache
def alerts() -> dict[str, dict[str, Any]]:
    """Every alert rule by its name."""
    groups = [
        group
        for path in sorted((MONITORING / "prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules), "two alerts have one name"
    return {rule["alert"]: rule for rule in rules}


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard by the name of its file."""
    return {
        path.stem: json.loads(path.read_text()) for path in sorted((MONITORING / "grafana/dashboards").glob("*.json"))
    }


def panel_expressions() -> dict[str, str]:
    """Every question of a dashboard to Prometheus, by 'dashboard: panel (letter)'; Grafana's words filled in."""
    return {
        f"{name}: {panel['title']} ({target['refId']})": _filled_in(target["expr"])
        for name, dashboard in dashboards().items()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }


def _filled_in(expression: str) -> str:
    filled = expression.replace("$__rate_interval", "1m").replace("$__range", "1h")
    return re.sub(r"\$[a-z]+", ".*", filled)
