"""The formats of JSON strings that an answer can be held to, as regular expressions.

Each is narrower than its definition and never wider. Knows expressions; does not know schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_DATE = (
    "[1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_LABEL = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
_HOST = f"{_LABEL}(\\.{_LABEL}){{0,3}}\\.[a-z]{{2,12}}"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PATH = "[A-Za-z0-9._~-]"


class Format(NamedTuple):
    """`shortest` and `longest` are lengths of what the expression matches."""

    pattern: str
    shortest: int
    longest: int


FORMATS: Mapping[str, Format] = {
    "date": Format(_DATE, 10, 10),
    "time": Format(_TIME, 9, 21),
    "date-time": Format(f"{_DATE}T{_TIME}", 20, 32),
    "duration": Format("P([1-9][0-9]{0,3}D|T[1-9][0-9]{0,3}[HMS])", 3, 7),
    "email": Format(f"[a-z0-9]{{1,16}}([._+-][a-z0-9]{{1,16}}){{0,2}}@{_HOST}", 6, 210),
    "hostname": Format(_HOST, 4, 144),
    "ipv4": Format(f"{_BYTE}(\\.{_BYTE}){{3}}", 7, 15),
    "ipv6": Format("[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}", 15, 39),
    "uuid": Format("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 36, 36),
    "uri": Format(f"https?://{_HOST}(/{_PATH}{{1,64}}){{0,4}}/?", 11, 500),
}
