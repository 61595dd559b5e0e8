"""Which test shows what of an API: the `proves` marks of the suite, collected without running it.

Knows marks; does not know what a test does.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERDICTS = ("honoured", "refused")
# Where tests of what clients see lie; the rest of the suite takes long to collect and has no such marks.
FOLDERS = ("tests/gateway", "tests/system", "tests/clients")


@dataclass(frozen=True)
class Proof:
    """`field` is empty for the endpoint itself. `test` is the file, and the name of the function in it.

    `on` is the engine that the verdict is of, where engines differ; else it is empty."""

    endpoint: str
    field: str
    verdict: str
    test: str
    on: str = ""


def collected() -> list[Proof]:
    """All proofs. Raises ValueError for a mark that is not as it should be, or when tests cannot be collected."""
    collector = _Collector()
    said = io.StringIO()
    arguments = ["--collect-only", "--quiet", "-p", "no:cacheprovider", *(str(ROOT / folder) for folder in FOLDERS)]
    with contextlib.redirect_stdout(said):
        code = pytest.main(arguments, plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise ValueError(f"the tests cannot be collected:\n{said.getvalue()[-2000:]}")
    return sorted(
        set(_proofs(collector.items)),
        key=lambda proof: (proof.endpoint, proof.field, proof.verdict, proof.on, proof.test),
    )


class _Collector:
    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items = list(items)


def _proofs(items: Iterable[pytest.Item]) -> Iterable[Proof]:
    for item in items:
        test = item.nodeid.partition("[")[0]
        for mark in item.iter_markers("proves"):
            endpoint, field, verdict = mark.args
            if verdict not in VERDICTS:
                raise ValueError(f"{test}: '{verdict}' is not one of {', '.join(VERDICTS)}")
            # In a form, a list or an object has brackets behind its name.
            yield Proof(endpoint, re.sub(r"\[\w*\]$", "", field), verdict, test, mark.kwargs.get("on", ""))
