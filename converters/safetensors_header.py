"""What a safetensors file says of itself, held against itself and the file's size before it is believed.

Our own reader and not the package `safetensors`: that one is not where the command line runs. Reads the header only;
knows the format, does not know checkpoints.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MAX_HEADER = 100 * 2**20  # bytes; safetensors' own limit
# Bits of a number of each type, as in safetensors 0.8.
_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8}
_BITS |= {f"F8_{kind}": 8 for kind in ("E5M2", "E4M3", "E8M0", "E4M3FNUZ", "E5M2FNUZ")}
_BITS |= {"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32}
_BITS |= {"C64": 64, "F64": 64, "I64": 64, "U64": 64}


@dataclass(frozen=True)
class SafeTensor:
    """One tensor; its bytes lie from `begin` to `end` after the header."""

    type: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


def read_safetensors(path: Path) -> dict[str, SafeTensor]:
    """The tensors of a file by their names. Raises ValueError when the file is not whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(prefix := file.read(8), "little")
        if len(prefix) < 8 or length > min(size - 8, _MAX_HEADER):
            raise ValueError(f"the file ends inside its header ({size:,} bytes)")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            header = None
    if not isinstance(header, dict):
        raise ValueError("its header is not that of a safetensors file")
    header.pop("__metadata__", None)
    tensors = {name: _tensor(name, entry) for name, entry in header.items()}
    expected = 8 + length + max((tensor.end for tensor in tensors.values()), default=0)
    if size != expected:
        raise ValueError(f"it has {size:,} bytes where its header promises {expected:,}")
    place = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != place:
            raise ValueError(f"its header is damaged: the tensor '{name}' does not begin where the one before it ends")
        place = tensor.end
    return tensors


def _tensor(name: str, entry: Any) -> SafeTensor:
    """What the header says of one tensor, when its type and shape take just the bytes that it has."""
    try:
        kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        # Whole numbers and nothing that could be made one: 1e400 is a number in JSON, and no integer can be made of it.
        fits = isinstance(shape, list) and all(type(number) is int and number >= 0 for number in (*shape, begin, end))
        fits = fits and math.prod(shape) * _BITS[kind] == 8 * (end - begin)
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise ValueError(f"its header is damaged: what it says of the tensor '{name}' does not fit together")
    return SafeTensor(kind, tuple(shape), begin, end)
