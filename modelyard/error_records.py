"""An error of the tree as a record that another process can read, and back: the same class, the same sentence.

Knows the tree by its names; does not know how a record travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard import errors

_OWN = ("message", "hint")


def to_record(error: errors.ModelyardError) -> dict[str, Any]:
    """`about` holds what the class keeps besides its sentence: the field, the name."""
    about = {name: value for name, value in vars(error).items() if name not in _OWN}
    kind: type[Exception] = type(error)
    # Of a class that keeps more than words and figures, the nearest one that does not stands for it.
    if not all(value is None or isinstance(value, str | int | float) for value in about.values()):
        kind, about = type(error).__mro__[1], {"field": about["field"]} if "field" in about else {}
    return {"class": kind.__name__, "kind": error.kind, "message": error.message, "hint": error.hint, "about": about}


def from_record(record: Mapping[str, Any]) -> errors.ModelyardError:
    """The error again; a class that is not known here is the root, which says the same."""
    known = getattr(errors, str(record.get("class")), None)
    kind = known if isinstance(known, type) and issubclass(known, errors.ModelyardError) else errors.ModelyardError
    # Not by the class itself, which builds its sentence of parts that are not in the record.
    error = kind.__new__(kind)
    errors.ModelyardError.__init__(error, str(record.get("message", "")), hint=str(record.get("hint", "")))
    about = record.get("about")
    for name, value in about.items() if isinstance(about, dict) else ():
        setattr(error, str(name), value)
    if isinstance(error, errors.InvalidInput) and not hasattr(error, "field"):
        error.field = None
    return error
