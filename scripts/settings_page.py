"""Prints docs/settings.md from the settings themselves, so that the page cannot drift from them."""

from __future__ import annotations

from pathlib import Path

from pydantic_core import PydanticUndefined

from modelyard.settings import Settings

HEAD = """# Settings

<!-- Printed by `make docs` from modelyard/settings.py; change it there. -->

Each has a name in `modelyard.toml`, and a variable in the environment and in `.env`. What is stronger comes first: the
command line, the environment, `.env`, `modelyard.toml`, the default.

| `modelyard.toml` | environment | default | meaning |
|---|---|---|---|"""


def main() -> None:
    print(HEAD)
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default in (None, [], PydanticUndefined) else f"`{default}`"
        if isinstance(default, Path):
            shown = f"`{default.as_posix()}`"
        print(f"| `{name}` | `MODELYARD_{name.upper()}` | {shown} | {field.description} |")


if __name__ == "__main__":
    main()
