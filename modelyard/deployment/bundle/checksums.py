"""The list of a bundle's files, in the form that `sha256sum --check` reads.

Knows lines; does not know where the files are. A path that `sha256sum` would have to escape is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelyard.catalog.integrity import is_safe, printable
from modelyard.deployment.errors import BundleDamaged
from modelyard.manifest import FileRecord

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def to_bytes(files: Mapping[str, FileRecord]) -> bytes:
    return "".join(f"{record.sha256}  {path}\n" for path, record in sorted(files.items())).encode()


def from_bytes(text: bytes, bundle: str) -> dict[str, str]:
    """The digest of each path. Raises BundleDamaged, since a list with one odd line is not one that we wrote."""
    listed: dict[str, str] = {}
    try:
        lines = text.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise BundleDamaged(bundle, ["its list of checksums cannot be read"]) from error
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None or not is_safe(match[2]) or match[2] in listed:
            raise BundleDamaged(bundle, [f"its list of checksums has an odd line: {printable(line[:200])}"])
        listed[match[2]] = match[1]
    return listed
