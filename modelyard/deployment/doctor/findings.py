"""A finding: one thing of a host that is right, doubtful or wrong, and the commands that mend it.

Knows the two families of distributions; does not know how anything is found.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Level = Literal["ok", "warning", "problem"]
Family = Literal["debian", "rhel"]
_FAMILIES: tuple[tuple[Family, frozenset[str]], ...] = (
    ("debian", frozenset({"debian", "ubuntu"})),
    ("rhel", frozenset({"rhel", "fedora", "centos", "rocky", "almalinux"})),
)


@dataclass(frozen=True)
class Mend:
    """What to type, in each family."""

    debian: str
    rhel: str

    @classmethod
    def same(cls, command: str) -> Mend:
        return cls(command, command)

    def on(self, family: Family | None) -> str:
        """For this host; for one of neither family what is known of both."""
        if family is not None:
            return self.debian if family == "debian" else self.rhel
        return self.debian if self.debian == self.rhel else f"Debian: {self.debian}\nRHEL: {self.rhel}"


@dataclass(frozen=True)
class Finding:
    """`name` in one or two words, `what` in a sentence. A problem stops a deployment, a warning does not."""

    name: str
    level: Level
    what: str
    mend: Mend | None = None

    def as_record(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "level": self.level,
            "what": self.what,
            "mend": asdict(self.mend) if self.mend else None,
        }


def ok(name: str, what: str) -> Finding:
    return Finding(name, "ok", what)


def warning(name: str, what: str, mend: Mend | None = None) -> Finding:
    return Finding(name, "warning", what, mend)


def problem(name: str, what: str, mend: Mend | None = None) -> Finding:
    return Finding(name, "problem", what, mend)


def family_of(root: Path = Path("/")) -> Family | None:
    """By /etc/os-release, its relatives included."""
    try:
        lines = (root / "etc/os-release").read_text().splitlines()
    except OSError:
        return None
    pairs = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    named = {pairs.get("ID", ""), *pairs.get("ID_LIKE", "").split()}
    return next((family for family, names in _FAMILIES if named & names), None)
