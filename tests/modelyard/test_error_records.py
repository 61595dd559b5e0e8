"""An error that crosses a process is the same error on the other side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelyard import errors
from modelyard.error_records import from_record, to_record

ERRORS = [
    errors.SourceUnavailable("the hub cannot be reached", hint="check the network"),
    errors.InvalidInput("this is wrong", field="messages[0].role"),
    errors.EntryNotFound("a", ["b", "c"]),
    errors.EntryExists("a"),
    errors.Overloaded(3, retry_after_s=7),
    errors.NotEnoughDisk(Path("/data"), 2**31, 2**30),
    errors.UnknownArchitecture("Strange", hint="none"),
    errors.BadEntryName("a b"),
]


def carried(error: errors.ModelyardError) -> errors.ModelyardError:
    return from_record(json.loads(json.dumps(to_record(error))))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_it_comes_back_as_it_was(error: errors.ModelyardError) -> None:
    back = carried(error)
    assert type(back) is type(error)
    assert (str(back), back.kind, vars(back)) == (str(error), error.kind, vars(error))


def test_what_cannot_be_carried_comes_back_as_the_nearest() -> None:
    back = carried(errors.ConversionRefused("x", [errors.EntryExists("a"), errors.BadEntryName("b c")]))
    assert type(back) is errors.BadCheckpoint
    assert "2 reasons" in str(back)
    assert back.hint
    assert vars(back)["field"] is None


@pytest.mark.parametrize("name", ["Unheard", "Path", "__doc__", "annotations"])
def test_a_class_of_another_version_is_the_root(name: str) -> None:
    back = from_record({"class": name, "message": "sorry", "hint": ""})
    assert (type(back), str(back)) == (errors.ModelyardError, "sorry")
