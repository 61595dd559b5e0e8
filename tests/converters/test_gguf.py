"""A GGUF header is read whole, or refused with a sentence, whatever is in the file."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.exporters.llamacpp import cache_bytes_per_token, fitting
from converters.gguf import GgufArray, GgufHeader, read_header
from converters.gguf_card import model_card_of
from converters.gguf_types import FILE_TYPES, TENSOR_TYPES
from converters.precision import closest_to_gguf
from modelyard.errors import WeightsDamaged
from tests.converters.gguf_files import TEMPLATE, write_adapter, write_gguf

KINDS = ("F32", "F16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "whole.gguf", "Q4_0").read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a test that is run many times writes its file."""
    return tmp_path_factory.mktemp("fuzzed") / "model.gguf"


@pytest.mark.parametrize("quantization", KINDS)
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_what_a_header_says(tmp_path: Path, quantization: str, architecture: str) -> None:
    file = write_gguf(tmp_path / "a.gguf", quantization, architecture, context=2048)
    header = read_header(file)
    wide = 256 if "K" in quantization else 64
    assert (header.architecture, header.quantization, header.kind) == (architecture, quantization, "model")
    assert (header.name, header.license, header.size_label) == ("Tiny", "apache-2.0", "0.1M")
    assert (header.context_length, header.embedding_length, header.block_count) == (2048, wide, 2)
    assert (header.head_count, header.head_count_kv) == (4, 2)
    assert header.files == (file,)
    assert header.special_tokens == {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    (tokens,) = (tensor.shape[1] for tensor in header.tensors if tensor.name == "output.weight")
    layer = 2 * wide * wide + 2 * wide * wide // 2 + 3 * 2 * wide * wide + 2 * wide
    biases = 2 * 2 * wide if architecture == "qwen2" else 0
    assert header.parameters == 2 * layer + biases + 2 * tokens * wide + wide


def test_it_agrees_with_the_formats_own_package(tmp_path: Path) -> None:
    import gguf

    for quantization in KINDS:
        file = write_gguf(tmp_path / f"{quantization}.gguf", quantization)
        theirs, ours = gguf.GGUFReader(file), read_header(file)
        assert [
            (tensor.name, tuple(int(size) for size in tensor.shape), tensor.tensor_type.name, tensor.n_bytes)
            for tensor in theirs.tensors
        ] == [(tensor.name, tensor.shape, tensor.type, tensor.bytes) for tensor in ours.tensors]
        assert [tensor.data_offset for tensor in theirs.tensors] == [tensor.offset for tensor in ours.tensors]
        assert [key for key in theirs.fields if not key.startswith("GGUF.")] == list(ours.metadata)


def test_the_tables_are_the_formats_own() -> None:
    import gguf

    theirs = {kind.value: (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in gguf.GGMLQuantizationType}
    theirs[9] = TENSOR_TYPES[9]  # Q8_1 is never in a file, and the package still has its size of 2023
    assert theirs.items() <= TENSOR_TYPES.items()
    named = {kind.value: kind.name.partition("_")[2].removesuffix("_MOE") for kind in gguf.LlamaFileType}
    named.pop(1024)  # "guessed"
    assert named.items() <= FILE_TYPES.items()


def test_the_card(tmp_path: Path) -> None:
    recommended = {"general.sampling.temp": 0.7, "general.sampling.top_k": 20, "general.sampling.min_p": "none"}
    file = write_gguf(tmp_path / "a.gguf", metadata=recommended)
    card = model_card_of(read_header(file), created=5)
    assert (card.created, card.context_length, card.chat_template) == (5, 512, TEMPLATE)
    assert card.special_tokens["bos_token"] == "<s>"
    assert card.generation_defaults == {"temperature": 0.7, "top_k": 20}


def test_an_adapter_is_told_from_a_model(tmp_path: Path) -> None:
    assert read_header(write_adapter(tmp_path / "a.gguf")).kind == "adapter"


def test_a_quantization_without_a_name_is_that_of_most_weights(tmp_path: Path, whole: bytes) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(whole.replace(b"general.file_type", b"general.file_tape"))
    assert read_header(file).quantization == "Q4_0"


def parts(folder: Path, count: int = 2) -> list[Path]:
    """The same tensors in each part would be wrong in a served file, but not in a header."""
    split = {"split.count": count, "split.tensors.count": 21 * count}
    return [write_gguf(folder / f"m-{part:05}-of-{count:05}.gguf", metadata=split) for part in range(1, count + 1)]


def test_a_split_file_is_read_whole(tmp_path: Path) -> None:
    files = parts(tmp_path)
    header = read_header(files[0])
    assert header.files == tuple(files)
    assert header.parameters == 2 * read_header(write_gguf(tmp_path / "one.gguf")).parameters
    assert read_header(files[1]) == header


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    first, second = parts(tmp_path)
    second.unlink()
    with pytest.raises(WeightsDamaged, match=f"its part {second.name} is missing"):
        read_header(first)
    with pytest.raises(WeightsDamaged, match="its name does not say which"):
        read_header(first.rename(tmp_path / "renamed.gguf"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda whole: b"", "ends within its first bytes"),
        (lambda whole: b"PK" + whole[2:], "begins with b'PKUF'"),
        (lambda whole: whole[:4] + struct.pack("<I", 1) + whole[8:], "its version is 1"),
        (lambda whole: whole[:4] + struct.pack(">I", 3) + whole[8:], "big-endian"),
        (lambda whole: whole[:8] + b"\xff" * 8 + whole[16:], "it ends within 18446744073709551615 tensors"),
        (lambda whole: whole[:16] + b"\xff" * 8 + whole[24:], "18446744073709551615 keys"),
        (lambda whole: whole[:5000], "it ends within"),
        (lambda whole: whole[:-1], "it ends 1 bytes before the tensor"),
        (lambda whole: whole.replace(b"general.architecture", b"general.archirecture"), "what architecture it is"),
        (lambda whole: whole.replace(b"bos_token_id", b"eos_token_id"), "'tokenizer.ggml.eos_token_id' is there twice"),
        (lambda whole: whole.replace(b"blk.1.ffn_up", b"blk.0.ffn_up"), "'blk.0.ffn_up.weight' is there twice"),
    ],
)
def test_what_is_damaged_is_named(tmp_path: Path, whole: bytes, damage, said: str) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(damage(whole))
    with pytest.raises(WeightsDamaged, match=said) as damaged:
        read_header(file)
    assert "broken.gguf" in str(damaged.value)


def test_a_folder_or_nothing_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.gguf"):
        with pytest.raises(WeightsDamaged, match=path.name):
            read_header(path)


HEADER = 8000  # bytes of the tiny file that are not weights


@settings(deadline=None, max_examples=400)
@given(
    edits=st.lists(st.tuples(st.integers(0, HEADER), st.binary(min_size=1, max_size=9)), min_size=1, max_size=6),
    length=st.one_of(st.none(), st.integers(0, HEADER)),
)
def test_any_edit_gives_a_header_or_a_sentence(
    whole: bytes, place: Path, edits: list[tuple[int, bytes]], length: int | None
) -> None:
    content = bytearray(whole)
    for start, new in edits:
        content[start : start + len(new)] = new
    place.write_bytes(content[:length])
    header_or_sentence(place)


@settings(deadline=None, max_examples=200)
@given(tail=st.binary(max_size=200), tensors=st.integers(0, 2**64 - 1), keys=st.integers(0, 4))
def test_any_bytes_after_the_magic(place: Path, tail: bytes, tensors: int, keys: int) -> None:
    place.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + tail)
    header_or_sentence(place)


def header_or_sentence(file: Path) -> None:
    tracemalloc.start()
    with contextlib.suppress(WeightsDamaged):
        header = read_header(file)
        # Whatever it says can be asked for.
        assert isinstance(header, GgufHeader)
        assert model_card_of(header, created=1).created == 1
        assert isinstance(header.quantization, str)
        assert all(figure > 0 for name, figure in header.figures.items() if name != "tie_word_embeddings")
        assert header.parameters >= 0
        assert fitting(header, 4096, 2**30)[0] >= 1
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 32 * 2**20


def test_a_long_list_is_counted_and_not_kept(tmp_path: Path) -> None:
    tokens = read_header(write_gguf(tmp_path / "a.gguf")).metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, GgufArray)
    assert (tokens.count, tokens.values) == (320, None)


def test_slots_and_context_go_by_memory(tmp_path: Path) -> None:
    header = read_header(write_gguf(tmp_path / "a.gguf"))
    each = cache_bytes_per_token(header)
    assert each == 2 * 2 * 16 * 4  # layers, heads, width, bytes
    assert fitting(header, 8192, 4 * 8192 * each) == (4, 8192)
    assert fitting(header, 8192, 3 * 8192 * each) == (3, 8192)
    assert fitting(header, 8192, 8192 * each) == (1, 8192)
    assert fitting(header, 131072, 20000 * each) == (1, 16384)
    assert fitting(header, 131072, 0) == (1, 4096)
    assert fitting(header, 512, 0) == (1, 512)


@pytest.mark.parametrize(
    ("quantization", "precision"),
    [
        ("IQ1_S", "int4"),
        ("IQ1_M", "int4"),
        ("TQ1_0", "int4"),
        ("TQ2_0", "int4"),
        ("Q1_0", "int4"),
        ("IQ2_XXS", "int4"),
        ("Q3_K_M", "int4"),
        ("Q4_K_M", "int4"),
        ("IQ4_NL", "int4"),
        ("MXFP4", "mxfp4"),
        ("Q5_0", "int8"),
        ("Q6_K", "int8"),
        ("Q8_0", "int8"),
        ("F16", "fp16"),
        ("BF16", "fp16"),
    ],
)
def test_the_closest_precision_has_as_many_bits_or_the_next_more(quantization: str, precision: str) -> None:
    assert closest_to_gguf(quantization) == precision
