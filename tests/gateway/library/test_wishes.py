"""What may be asked for: a model of a hub under any of its names, and nothing that could be a file of this host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from converters.source import default_name, hub_id
from gateway.domain.library import PullRequest, VariantRequest
from gateway.library.wishes import Wish, to_changes, to_wish
from modelyard.errors import InvalidInput

SOURCES = {
    "org/model": ("org/model", "model"),
    "hf.co/org/model": ("org/model", "model"),
    "https://huggingface.co/org/model": ("org/model", "model"),
    "https://huggingface.co/org/model/": ("org/model", "model"),
    "hf://models/org/model": ("org/model", "model"),
    "hf.co/org/Model-GGUF:Q4_K_M": ("org/Model-GGUF:Q4_K_M", "Model-GGUF-Q4_K_M"),
    "gpt2": ("gpt2", "gpt2"),
}


@pytest.mark.parametrize("written", SOURCES)
def test_a_model_has_one_source_and_one_name_however_it_is_written(written: str) -> None:
    source, name = SOURCES[written]
    assert to_wish(PullRequest(written)) == Wish(source, name)
    # As the command line that is told of it understands it.
    assert default_name(source) == name
    assert hub_id(source) == hub_id(written)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "~/models/m",
        "./m",
        "../m",
        "a/../b",
        "a/b/c",
        "a/.b",
        "file:///etc/m",
        "C:\\m",
        "-x",
        "",
        "/",
    ],
)
def test_a_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        to_wish(PullRequest(path))
    assert refused.value.field == "source"


@given(st.text(alphabet="ab./~:-_\\\0 @hf.co", max_size=30))
@example("evil/hf.co/x")
def test_whatever_is_taken_leads_nowhere_in_a_file_system(written: str) -> None:
    try:
        wish = to_wish(PullRequest(written, name="m"))
    except InvalidInput:
        return
    parts = Path(wish.source).parts
    assert not Path(wish.source).is_absolute()
    assert not wish.source.startswith(("-", "~"))
    assert all(not part.startswith(".") for part in parts)
    assert len(parts) <= 2


def test_options_are_known_and_one_line() -> None:
    wish = to_wish(PullRequest("org/m", "n", {"revision": "refs/pr/1", "precision": "int8"}))
    assert wish.options == (("precision", "int8"), ("revision", "refs/pr/1"))
    for options in ({"trust": "yes"}, {"revision": ""}, {"revision": "a\nb"}, {"revision": "\0"}):
        with pytest.raises(InvalidInput) as refused:
            to_wish(PullRequest("org/m", options=options))
        assert refused.value.field in options
    with pytest.raises(InvalidInput) as refused:
        to_wish(PullRequest("org/m", "../up"))
    assert refused.value.field == "name"


def test_parameters_of_a_variant_are_checked_by_name() -> None:
    good = {"temperature": 0.2, "top_k": -1, "max_tokens": 9, "stop": "END", "seed": 1}
    changes = to_changes(VariantRequest("v", "m", parameters=good))
    assert changes.generation_defaults == {
        "temperature": 0.2,
        "top_k": -1,
        "max_new_tokens": 9,
        "stop": ["END"],
        "seed": 1,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "hot"),
        ("temperature", -1),
        ("temperature", float("inf")),
        ("temperature", float("nan")),
        ("temperature", True),
        ("top_k", 1.5),
        ("top_p", 2),
        ("max_tokens", 0),
        ("stop", [1]),
        ("stop", [""]),
        ("mirostat", 1),
    ],
)
def test_a_parameter_that_cannot_be_honoured_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        to_changes(VariantRequest("v", "m", parameters={name: value}))
    assert refused.value.field == f"parameters.{name}"
