"""Pieces of text together are the text of all ids, and no piece ends inside a character."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from backends.common.language.detokenizer import Detokenizer
from backends.openvino_genai.codec import Codec, open_codec

SENTENCES = "naïve café — 世界 🦊🏳️‍🌈 Ωμέγα \u0e01\u0e33 hello world"


@pytest.fixture(scope="module")
def codec(version_folder: Path) -> Codec:
    return open_codec(version_folder)


def pieces(detokenizer: Detokenizer, ids: list[int], size: int) -> list[str]:
    found = [detokenizer.push(ids[start : start + size]) for start in range(0, len(ids), size)]
    return [*found, detokenizer.flush()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ids=st.lists(st.integers(0, 319), max_size=80), size=st.integers(1, 9), skip=st.booleans())
def test_any_ids_in_any_pieces(codec: Codec, ids: list[int], size: int, skip: bool) -> None:
    detokenizer = Detokenizer(lambda some: codec.decode(some, skip_special_tokens=skip))
    assert "".join(pieces(detokenizer, ids, size)) == codec.decode(ids, skip_special_tokens=skip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=30), size=st.integers(1, 5))
def test_text_never_breaks_inside_a_character(codec: Codec, text: str, size: int) -> None:
    ids = codec.encode(text + SENTENCES)
    detokenizer = Detokenizer(codec.decode)
    found = pieces(detokenizer, ids, size)
    assert "".join(found) == text + SENTENCES
    assert "\ufffd" in text or not any("\ufffd" in piece for piece in found)


def sentencepiece_like() -> Tokenizer:
    """Leading spaces are dropped from a text's first token only, and bytes make characters, as in Llama 2."""
    words = {"<unk>": 0, "▁hello": 1, "▁world": 2, "!": 3} | {f"<0x{byte:02X}>": 4 + byte for byte in range(256)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[], byte_fallback=True, unk_token="<unk>"))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


WORDS = [[1], [2], [3], *([4 + byte for byte in char.encode()] for char in "é世🦊")]


@given(
    words=st.lists(
        st.sampled_from([[1], [2], [3], *([4 + byte for byte in char.encode()] for char in "é世🦊")]), max_size=40
    ),
    size=st.integers(1, 7),
)
def test_a_tokenizer_that_treats_the_first_token_specially(words: list[list[int]], size: int) -> None:
    tokenizer = sentencepiece_like()
    ids = [token for word in words for token in word]
    assert "".join(pieces(Detokenizer(tokenizer.decode), ids, size)) == tokenizer.decode(ids)


def test_complete_text_is_not_held_back(codec: Codec) -> None:
    detokenizer = Detokenizer(codec.decode)
    assert [detokenizer.push([token]) for token in codec.encode("hello")[1:]][-1] != ""


def test_the_bos_is_never_doubled(codec: Codec) -> None:
    assert codec.encode("<s>hello") == codec.encode("hello")
    assert codec.encode("hello")[0] == 0


def test_an_entry_without_tokenizer_json(version_folder: Path, codec: Codec, tmp_path: Path) -> None:
    for file in version_folder.glob("openvino_*tokenizer.*"):
        (tmp_path / file.name).symlink_to(file)
    converted = open_codec(tmp_path)
    for text in (SENTENCES, "<s>hello<|user|>", ""):
        ids = codec.encode(text)
        assert converted.encode(text) == ids
        assert converted.decode(ids) == codec.decode(ids)
        assert converted.decode(ids, skip_special_tokens=False) == codec.decode(ids, skip_special_tokens=False)
        assert "".join(pieces(Detokenizer(converted.decode), ids, 1)) == codec.decode(ids)
