"""A variant shares the weights of its base, has manners of its own, and leaves the base as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.card import ModelCard
from modelyard.catalog.configuration import parameters_of, with_parameters
from modelyard.catalog.copying import copy
from modelyard.catalog.installed import look_up
from modelyard.catalog.integrity import verify
from modelyard.catalog.variants import Changes, make_variant
from modelyard.entry import entries_in, staging_root
from modelyard.errors import EntryDamaged, EntryExists, EntryNotFound, InvalidInput
from tests.modelyard.catalog.entries import LARGE, content_of, write_entry


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path / "repository", "m", weights=LARGE)
    return tmp_path / "repository"


def card_of(repository: Path, name: str) -> ModelCard:
    return ModelCard.from_parameters(parameters_of((repository / name / "config.pbtxt").read_text()))


def test_it_has_the_changes_and_shares_the_weights(repository: Path) -> None:
    before = content_of(repository / "m")
    changes = Changes("Be brief.", "{{ messages }}", {"temperature": 0.1, "stop": ["END"]}, "mit")
    made = make_variant(repository, "m", "brief", changes)
    card = card_of(repository, "brief")
    assert (card.system, card.chat_template) == ("Be brief.", "{{ messages }}")
    assert card.generation_defaults == {"temperature": 0.1, "stop": ["END"]}
    assert (repository / "m/1/weights.bin").samefile(repository / "brief/1/weights.bin")
    assert verify(repository, "brief").good
    assert made.manifest is not None
    assert made.manifest.license == "mit"
    assert made.manifest.settings["variant"] == {
        "base": "m",
        "system": "Be brief.",
        "chat_template": "{{ messages }}",
        "generation_defaults": {"temperature": 0.1, "stop": ["END"]},
    }
    assert content_of(repository / "m") == before


def test_a_variant_of_a_variant_keeps_what_it_does_not_change(repository: Path) -> None:
    make_variant(repository, "m", "one", Changes("Be brief.", None, {"temperature": 0.1, "top_k": 5}))
    make_variant(repository, "one", "two", Changes(generation_defaults={"temperature": 0.9}))
    make_variant(repository, "one", "three", Changes(system=""))
    assert card_of(repository, "two").system == "Be brief."
    assert card_of(repository, "two").generation_defaults == {"temperature": 0.9, "top_k": 5}
    assert card_of(repository, "three").system is None


def test_it_takes_the_place_of_another_only_when_told_to(repository: Path) -> None:
    make_variant(repository, "m", "v", Changes("one"))
    with pytest.raises(EntryExists):
        make_variant(repository, "m", "v", Changes("two"))
    make_variant(repository, "m", "v", Changes("two"), force=True)
    assert card_of(repository, "v").system == "two"


def test_a_model_becomes_a_variant_of_itself(repository: Path) -> None:
    make_variant(repository, "m", "m", Changes("changed"))
    assert card_of(repository, "m").system == "changed"
    assert verify(repository, "m").good
    assert [entry.name for entry in entries_in(repository)] == ["m"]


def test_what_cannot_be_made_leaves_nothing(repository: Path) -> None:
    write_entry(repository, "bare", manifest=False)
    with pytest.raises(InvalidInput, match="no manifest"):
        make_variant(repository, "bare", "v", Changes(license="mit"))
    with pytest.raises(EntryNotFound):
        make_variant(repository, "missing", "v", Changes())
    (repository / "bare/config.pbtxt").write_text("no configuration at all")
    with pytest.raises(EntryDamaged):
        make_variant(repository, "bare", "v", Changes("x"))
    assert not (repository / "v").exists()
    assert not list(staging_root(repository).glob("v+*"))


def test_the_rest_of_a_configuration_stays() -> None:
    text = 'name: "m"\nbackend: "python"\nmax_batch_size: 4\nparameters { key: "A" value { string_value: "é" } }\n'
    written = with_parameters(text, {"B": 'a "quoted"\nline'})
    assert parameters_of(written) == {"A": "é", "B": 'a "quoted"\nline'}
    assert "max_batch_size: 4" in written
    assert "name" not in written
    assert "max_batch_size: 0" in with_parameters('backend: "python"', {})
    with pytest.raises(ValueError, match=r"config\.pbtxt"):
        parameters_of("{")


def test_the_digest_is_that_of_the_files(repository: Path) -> None:
    copy(repository, "m", "same")
    make_variant(repository, "m", "other", Changes("x"))
    digests = {name: look_up(repository, name).digest for name in ("m", "same", "other")}
    assert digests["m"] == digests["same"] != digests["other"]
    assert len(digests["m"]) == 64
    bare = look_up(repository, write_entry(repository, "bare", manifest=False).name)
    before = bare.digest
    assert before == bare.digest
    (repository / "bare/1/more").write_bytes(b"x")
    assert bare.digest != before
