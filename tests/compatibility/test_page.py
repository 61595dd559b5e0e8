"""docs/compatibility.md is what the tests prove, and nothing that is published or served is left out of it."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.compatibility.proofs import ROOT
from tests.compatibility.published import PUBLISHED
from tests.compatibility.served import served

PAGE = ROOT / "docs/compatibility.md"


def test_the_page_agrees_with_the_marks_of_the_tests() -> None:
    # Collecting tests within a test would change the marks and plugins of this run.
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts/compatibility_page.py"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert printed.stdout == PAGE.read_text(), "print it again: make docs"


def test_every_published_field_is_on_the_page() -> None:
    found = _chapters()
    for endpoint, fields in PUBLISHED.items():
        assert fields <= set(re.findall(r"^\| `(.*?)` \|", found[endpoint], flags=re.M))


def test_every_operation_and_field_that_the_gateway_takes_is_shown_by_a_test() -> None:
    found, operations = _chapters(), served()
    assert len(operations) > 40  # else what follows would prove nothing
    for endpoint, operation in operations.items():
        rows = dict(re.findall(r"^\| (\S+|\*the endpoint\*) \| (.*?) \|", found[endpoint], flags=re.M))
        asked = {"*the endpoint*", *(f"`{field}`" for field in operation.fields)}
        assert {row for row in asked if rows.get(row, "not yet") == "not yet"} == set(), endpoint


def _chapters() -> dict[str, str]:
    chapters = re.split(r"^### `(.*)`$", PAGE.read_text(), flags=re.M)
    return dict(zip(chapters[1::2], chapters[2::2], strict=True))
