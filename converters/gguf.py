"""What a GGUF file says of itself, read with every length checked against the file before it is believed.

Our own reader and not the package `gguf`: that one is not where the command line runs, maps the whole file and trusts
its lengths. Reads the header only. Knows the format; does not know llama.cpp, transformers or entries.
"""

from __future__ import annotations

import collections
import functools
import math
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

from converters.gguf_types import ARRAY, FILE_TYPES, SCALARS, STRING, TENSOR_TYPES
from modelyard.errors import WeightsDamaged

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_LONGEST_NAME = 2**16  # bytes of a key; llama.cpp takes 64 of a tensor's name
_LONGEST_TENSOR_NAME = 64
_LONGEST_TEXT = 2**22  # bytes; chat templates of 100 kB exist
_KEPT = 1024  # elements of an array that are kept: figures of each layer, not vocabularies
_MOST_PARTS = 1000
_PIECE = 2**20
_LENGTH = struct.Struct("<Q")
_SPECIAL_TOKENS = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "sep_token": "seperator_token_id",  # the format's own spelling
    "pad_token": "padding_token_id",
    "mask_token": "mask_token_id",
}


@dataclass(frozen=True)
class GgufArray:
    """A list in the metadata. `values` is None where it is long, or of texts; `offset` is where its elements begin."""

    count: int
    offset: int
    values: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class GgufTensor:
    """One tensor. `shape` has the length of a row first; `offset` counts from the beginning of its file."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    bytes: int

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class GgufHeader:
    """What the header says, of all parts where the file is split; `metadata` is the first part's."""

    path: Path
    files: tuple[Path, ...]
    metadata: Mapping[str, Any]
    tensors: tuple[GgufTensor, ...]
    special_tokens: Mapping[str, str] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        return str(self.metadata["general.architecture"])

    @property
    def kind(self) -> str:
        """model, adapter, mmproj ..."""
        return self._text("general.type") or "model"

    @property
    def name(self) -> str | None:
        return self._text("general.name")

    @property
    def license(self) -> str | None:
        return self._text("general.license")

    @property
    def size_label(self) -> str | None:
        return self._text("general.size_label")

    @property
    def chat_template(self) -> str | None:
        return self._text("tokenizer.chat_template")

    @functools.cached_property
    def parameters(self) -> int:
        return sum(tensor.parameters for tensor in self.tensors)

    @property
    def quantization(self) -> str:
        """The file's own name of it, or the type of most of its weights."""
        named = FILE_TYPES.get(self.metadata.get("general.file_type", -1))
        if named is not None:
            return named
        weights: collections.Counter[str] = collections.Counter()
        for tensor in self.tensors:
            weights[tensor.type] += tensor.parameters
        return weights.most_common(1)[0][0] if weights else "unknown"

    @property
    def context_length(self) -> int | None:
        return self.figure("context_length")

    @property
    def embedding_length(self) -> int | None:
        return self.figure("embedding_length")

    @property
    def block_count(self) -> int | None:
        return self.figure("block_count")

    @property
    def head_count(self) -> int | None:
        return self.figure("attention.head_count")

    @property
    def head_count_kv(self) -> int | None:
        return self.figure("attention.head_count_kv") or self.head_count

    @property
    def figures(self) -> Mapping[str, int]:
        """Those that tell what serving takes, by the names of a config.json."""
        width, heads = self.embedding_length, self.head_count
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        found = {
            "hidden_size": width,
            "num_hidden_layers": self.block_count,
            "num_attention_heads": heads,
            "num_key_value_heads": self.head_count_kv,
            "head_dim": self.figure("attention.key_length") or (width // heads if width and heads else None),
            "sliding_window": self.figure("attention.sliding_window"),
            "intermediate_size": self.figure("feed_forward_length"),
            "vocab_size": tokens.count if isinstance(tokens, GgufArray) else None,
            "num_local_experts": self.figure("expert_count"),
            "num_experts_per_tok": self.figure("expert_used_count"),
            "moe_intermediate_size": self.figure("expert_feed_forward_length"),
        }
        tied = not any(tensor.name == "output.weight" for tensor in self.tensors)
        return {name: figure for name, figure in found.items() if figure} | {"tie_word_embeddings": tied}

    def figure(self, key: str) -> int | None:
        """A whole number of this architecture; of one figure for each layer the largest. None where there is none."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        if isinstance(value, GgufArray):
            value = max((each for each in value.values or () if _is_whole(each)), default=None)
        return value if _is_whole(value) and value > 0 else None

    def _text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) and value else None


def read_header(path: Path) -> GgufHeader:
    """The header of a GGUF file, with all of its parts where it is split. Raises WeightsDamaged."""
    first = _read(path)
    parts = first.metadata.get("split.count", 1)
    if not _is_whole(parts) or parts <= 1:
        return first
    named = _PART.fullmatch(path.name)
    if named is None or int(named["count"]) != parts or parts > _MOST_PARTS:
        raise WeightsDamaged(path.name, f"it is one of {parts} parts, but its name does not say which")
    files = tuple(
        path.with_name(f"{named['stem']}-{number:05}-of-{parts:05}{path.suffix}") for number in range(1, parts + 1)
    )
    for file in files:
        if not file.is_file():
            raise WeightsDamaged(path.name, f"its part {file.name} is missing")
    headers = [first if file == path else _read(file) for file in files]
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    wanted = headers[0].metadata.get("split.tensors.count", len(tensors))
    if wanted != len(tensors):
        raise WeightsDamaged(path.name, f"its parts hold {len(tensors)} tensors instead of {wanted}")
    return GgufHeader(files[0], files, headers[0].metadata, tensors, headers[0].special_tokens)


def _read(path: Path) -> GgufHeader:
    try:
        with path.open("rb") as file:
            return _Reader(path, file).header()
    except OSError as error:
        raise WeightsDamaged(path.name, error.strerror or str(error)) from error


class _Reader:
    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._place = 0

    def header(self) -> GgufHeader:
        if (magic := self._take(4, "its first bytes")) != _MAGIC:
            raise self._damaged(f"it begins with {magic!r} and not with {_MAGIC!r}")
        version = self._figure("I", "its version")
        if version not in _VERSIONS:
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in _VERSIONS
            raise self._damaged("its numbers are big-endian" if swapped else f"its version is {version}, not 2 or 3")
        tensors, keys = self._figure("Q", "the number of tensors"), self._figure("Q", "the number of keys")
        # A tensor takes 24 bytes at the least and a key 13, so more of them than fit are not believed.
        self._bounded(tensors * 24 + keys * 13, f"{tensors} tensors and {keys} keys")
        metadata: dict[str, Any] = {}
        for _ in range(keys):
            key = self._text(_LONGEST_NAME, "a key")
            if key in metadata:
                raise self._damaged(f"the key '{key}' is there twice")
            metadata[key] = self._value(key)
        if not isinstance(metadata.get("general.architecture"), str):
            raise self._damaged("it does not say what architecture it is (general.architecture)")
        infos = [self._tensor_info() for _ in range(tensors)]
        placed = self._placed(infos, metadata.get("general.alignment", 32))
        return GgufHeader(self._path, (self._path,), metadata, placed, self._special_tokens(metadata))

    def _value(self, key: str) -> Any:
        kind = self._figure("I", f"the type of '{key}'")
        if kind == STRING:
            return self._text(_LONGEST_TEXT, f"'{key}'")
        if kind != ARRAY:
            return self._figure(self._scalar(kind, key), f"'{key}'")
        kind, count = self._figure("I", f"the type of '{key}'"), self._figure("Q", f"the length of '{key}'")
        if kind == STRING:
            self._bounded(count * 8, f"the list '{key}'")
            begin = self._place
            self._skip_texts(count, f"the list '{key}'")
            return GgufArray(count, begin)
        code = self._scalar(kind, key)
        size = struct.calcsize(f"<{code}")
        self._bounded(count * size, f"the list '{key}'")
        begin = self._place
        if count > _KEPT:
            self._skip(count * size, f"the list '{key}'")
            return GgufArray(count, begin)
        content = self._take(count * size, f"the list '{key}'")
        return GgufArray(count, begin, struct.unpack(f"<{count}{code}", content))

    def _tensor_info(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self._text(_LONGEST_TENSOR_NAME, "the name of a tensor")
        dimensions = self._figure("I", f"the shape of '{name}'")
        if not 1 <= dimensions <= 4:
            raise self._damaged(f"the tensor '{name}' has {dimensions} dimensions, not 1 to 4")
        shape = tuple(self._figure("Q", f"the shape of '{name}'") for _ in range(dimensions))
        return name, shape, self._figure("I", f"the type of '{name}'"), self._figure("Q", f"the place of '{name}'")

    def _placed(self, infos: list[tuple[str, tuple[int, ...], int, int]], alignment: Any) -> tuple[GgufTensor, ...]:
        if not _is_whole(alignment) or alignment <= 0 or alignment & (alignment - 1) or alignment > 2**20:
            raise self._damaged(f"its alignment is {alignment}")
        data = -(-self._place // alignment) * alignment
        tensors: dict[str, GgufTensor] = {}
        for name, shape, kind, offset in infos:
            if name in tensors:
                raise self._damaged(f"the tensor '{name}' is there twice")
            if kind not in TENSOR_TYPES:
                raise self._damaged(f"the tensor '{name}' is of an unknown type, {kind}")
            called, length, size = TENSOR_TYPES[kind]
            if shape[0] % length or offset % alignment:
                raise self._damaged(f"the tensor '{name}' is not in whole blocks of {called}")
            tensor = GgufTensor(name, shape, called, data + offset, math.prod(shape) // length * size)
            if tensor.offset + tensor.bytes > self._size:
                missing = tensor.offset + tensor.bytes - self._size
                raise self._damaged(f"it ends {missing} bytes before the tensor '{name}' does")
            tensors[name] = tensor
        return tuple(tensors.values())

    def _special_tokens(self, metadata: Mapping[str, Any]) -> dict[str, str]:
        tokens = metadata.get("tokenizer.ggml.tokens")
        if not isinstance(tokens, GgufArray) or tokens.values is not None:
            return {}
        ids = {key: metadata.get(f"tokenizer.ggml.{name}") for key, name in _SPECIAL_TOKENS.items()}
        wanted = {index for index in ids.values() if _is_whole(index) and 0 <= index < tokens.count}
        texts: dict[Any, str] = {}
        self._place, passed = tokens.offset, 0
        self._file.seek(self._place)
        for index in sorted(wanted):
            self._skip_texts(index - passed, "its tokens")
            texts[index], passed = self._text(_LONGEST_NAME, "a special token"), index + 1
        return {key: texts[index] for key, index in ids.items() if index in texts}

    def _scalar(self, kind: int, key: str) -> str:
        if kind not in SCALARS:
            raise self._damaged(f"'{key}' is of an unknown type, {kind}")
        return SCALARS[kind]

    def _text(self, longest: int, what: str) -> str:
        length = self._figure("Q", f"the length of {what}")
        if length > longest:
            raise self._damaged(f"{what} is said to be {length} bytes long")
        return self._take(length, what).decode("utf-8", errors="replace")

    def _figure(self, code: str, what: str) -> Any:
        form = struct.Struct(f"<{code}")
        return form.unpack(self._take(form.size, what))[0]

    def _take(self, count: int, what: str) -> bytes:
        self._bounded(count, what)
        content = self._file.read(count)
        if len(content) < count:
            raise self._damaged(f"it ends within {what}")
        self._place += count
        return content

    def _skip(self, count: int, what: str) -> None:
        self._bounded(count, what)
        self._place += count
        self._file.seek(self._place)

    def _skip_texts(self, count: int, what: str) -> None:
        # In large pieces: a vocabulary has hundreds of thousands of texts.
        piece, begin = b"", 0
        for _ in range(count):
            if len(piece) - begin < _LENGTH.size:
                self._skip(begin, what)
                piece, begin = self._file.read(_PIECE), 0
                if len(piece) < _LENGTH.size:
                    raise self._damaged(f"it ends within {what}")
            begin += _LENGTH.size + _LENGTH.unpack_from(piece, begin)[0]
        self._skip(begin, what)

    def _bounded(self, count: int, what: str) -> None:
        if count > self._size - self._place:
            raise self._damaged(f"it ends within {what}")

    def _damaged(self, why: str) -> WeightsDamaged:
        return WeightsDamaged(self._path.name, why)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
