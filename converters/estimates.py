"""What a conversion will take of this machine, estimated from what is known of the weights.

Knows figures that were measured; measures nothing itself.
"""

from __future__ import annotations

from converters.contents import Contents
from converters.precision import BYTES_PER_PARAMETER

_MiB = 2**20
# The interpreter with PyTorch, optimum and OpenVINO loaded, before any weight.
_LIBRARIES = 900 * _MiB
_LINKED = frozenset({"llamacpp", "vllm", "diffusers", "openvino_ready"})


def disk_of_conversion(contents: Contents, exporter: str, precision: str) -> int:
    """Bytes that must be free: what is written, and what lies beside it for a while."""
    if exporter in _LINKED:
        return contents.bytes + 64 * _MiB
    per_parameter = BYTES_PER_PARAMETER.get(precision, 2.0)
    # The uncompressed export and the compressed one lie side by side for a while.
    return contents.bytes + int(contents.parameters * per_parameter) + 64 * _MiB


def memory_of_conversion(contents: Contents, exporter: str, precision: str) -> int:
    """Bytes at the highest point."""
    if exporter in _LINKED:
        return 128 * _MiB
    # Measured: an export of 0.9 GiB of weights took 1.3 GiB above the libraries, and as much of mapped files.
    return _LIBRARIES + int(1.5 * contents.bytes)
