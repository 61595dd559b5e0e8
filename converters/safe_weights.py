"""Whether a pickled weight file holds tensors and nothing else, found out by reading it, never by running it.

Knows the pickle format and what PyTorch itself accepts with `weights_only=True`; needs no PyTorch and loads no tensor.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from modelyard.errors import WeightsDamaged

# How files began before they were zip archives: a pickle of the format's magic number.
_OLD_FORMAT = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_MAX_PICKLE = 100 * 2**20  # bytes; names and shapes only, as safetensors' own limit for its header

# The instructions that PyTorch's own unpickler for weights knows; every other one is foreign to weights.
_INSTRUCTIONS = frozenset(
    [
        "PROTO",
        "STOP",
        "MARK",
        "GLOBAL",
        "NEWOBJ",
        "REDUCE",
        "BUILD",
        "APPEND",
        "APPENDS",
        "SETITEM",
        "SETITEMS",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "NONE",
        "NEWFALSE",
        "NEWTRUE",
        "EMPTY_TUPLE",
        "EMPTY_LIST",
        "EMPTY_DICT",
        "EMPTY_SET",
        "BININT",
        "BININT1",
        "BININT2",
        "BINFLOAT",
        "BINUNICODE",
        "SHORT_BINSTRING",
        "BINPERSID",
        "BINGET",
        "LONG_BINGET",
        "BINPUT",
        "LONG_BINPUT",
        "LONG1",
    ]
)
# Bytes per element, by the class of storage that a tensor lies in.
_STORAGES = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
    "UntypedStorage": 1,
}
_DTYPES = frozenset(
    [
        "float64",
        "float32",
        "float16",
        "bfloat16",
        "float8_e4m3fn",
        "float8_e5m2",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
    ]
)


@dataclass(frozen=True)
class _Storage:
    key: str
    size: int  # bytes


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    elements: int

    def __setstate__(self, state: object) -> None:
        raise ValueError("it sets the inside of a tensor")


def check_pickle(path: Path) -> None:
    """Nothing, when the file holds tensors and nothing else, all there. Raises WeightsDamaged, which names the file."""
    parameters_of_pickle(path)


def parameters_of_pickle(path: Path) -> int:
    """How many numbers its tensors have, each tensor once however many names it has. Raises WeightsDamaged."""
    try:
        return _parameters(path)
    except FileNotFoundError:
        raise WeightsDamaged(path.name, "the file is missing") from None
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise WeightsDamaged(path.name, str(error)) from error


def _parameters(path: Path) -> int:
    # PyTorch has written zip archives since 1.6; their directory is at the end, so a truncated file has none.
    with path.open("rb") as file:
        if file.read(len(_OLD_FORMAT)) == _OLD_FORMAT:
            raise ValueError("it was written before PyTorch 1.6: load it with weights_only=True and save it again")
        if not zipfile.is_zipfile(file):
            raise ValueError("it is not a whole PyTorch file")
        return _of_archive(file)


def _of_archive(file: BinaryIO) -> int:
    with zipfile.ZipFile(file) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        pickles = [name for name in sizes if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise ValueError("it is not a PyTorch file: there is no data.pkl in it")
        if sizes[pickles[0]] > _MAX_PICKLE:
            raise ValueError(f"its data.pkl has {sizes[pickles[0]]:,} bytes, which no list of tensors needs")
        instructions = archive.read(pickles[0])
    tensors = _read(instructions)
    prefix = pickles[0].removesuffix("data.pkl")
    for tensor in tensors:
        if sizes.get(f"{prefix}data/{tensor.storage.key}", -1) < tensor.storage.size:
            raise ValueError(f"the tensor data {tensor.storage.key} is missing or cut off")
    return sum(tensor.elements for tensor in tensors)


def _read(instructions: bytes) -> set[_Tensor]:
    """Every tensor that the pickle would make, after every instruction of it has been looked at."""
    _check_instructions(instructions)
    reader = _Reader(io.BytesIO(instructions))
    try:
        content = reader.load()
    except Exception as error:  # a malformed pickle raises whatever the mishandled object raises
        raise ValueError(f"its list of tensors cannot be read ({type(error).__name__}: {error})") from error
    if not isinstance(content, dict):
        raise ValueError("it holds something else than named tensors")
    return reader.tensors


def _check_instructions(instructions: bytes) -> None:
    try:
        for instruction, argument, _ in pickletools.genops(instructions):
            if instruction.name not in _INSTRUCTIONS:
                raise ValueError(f"it holds more than tensors (the pickle instruction {instruction.name})")
            if instruction.name == "GLOBAL" and not _is_known(*str(argument).split(" ", 1)):
                raise ValueError(f"it would run code when loaded ({str(argument).replace(' ', '.')})")
    except ValueError:
        raise
    except Exception as error:  # genops decodes as it goes and says what it stumbles on in many ways
        raise ValueError(f"its data.pkl is not a pickle ({error})") from error


def _is_known(module: str, name: str = "") -> bool:
    try:
        _stand_in(module, name)
    except ValueError:
        return False
    return True


def _stand_in(module: str, name: str) -> Any:
    """What takes the place of one of PyTorch's own functions and classes while the pickle is read."""
    match module, name:
        case "collections", "OrderedDict":
            return OrderedDict
        case "torch", "Size":
            return tuple
        case "torch._utils", "_rebuild_tensor_v2":
            return _tensor
        case "torch._utils", "_rebuild_parameter":
            return _parameter
        case (("torch" | "torch.storage"), _) if name in _STORAGES:
            return name
        case "torch", _ if name in _DTYPES:
            return name
    raise ValueError(f"it would run code when loaded ({module}.{name})")


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], *layout: object) -> _Tensor:
    if not isinstance(storage, _Storage) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError("a tensor is malformed")
    return _Tensor(storage, int(offset), math.prod(shape))


def _parameter(tensor: _Tensor, *flags: object) -> _Tensor:
    return tensor


class _Reader(pickle.Unpickler):
    """Makes stand-ins instead of tensors. Has been shown by then that the pickle names nothing else."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.tensors: set[_Tensor] = set()

    def find_class(self, module: str, name: str) -> Any:
        found = _stand_in(module, name)
        return self._remembered if found is _tensor else found

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage, key, _, elements = pid
        if kind != "storage" or storage not in _STORAGES or int(elements) < 0:
            raise ValueError("it refers to something else than tensor data")
        return _Storage(str(key), int(elements) * _STORAGES[storage])

    def _remembered(self, *arguments: Any) -> _Tensor:
        tensor = _tensor(*arguments)
        self.tensors.add(tensor)
        return tensor
