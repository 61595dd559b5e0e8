"""Downloads files into a folder while an image is built; each address carries the checksum of what it must give.

fetch.py FOLDER https://host/name.deb#sha256=... [...]

An archive (.tar.gz) gives the packages in it.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urldefrag, urlsplit


def main(argv: Sequence[str]) -> int:
    folder, *addresses = argv
    for address in addresses:
        try:
            file = fetch(address, Path(folder))
            if tarfile.is_tarfile(file):
                unpack(file)
        except (OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


def fetch(address: str, folder: Path) -> Path:
    """The downloaded file. Raises ValueError when the checksum is missing or differs, OSError when nothing comes."""
    url, fragment = urldefrag(address)
    algorithm, _, expected = fragment.partition("=")
    if algorithm != "sha256" or not expected:
        raise ValueError(f"{url} has no checksum; write it as {url}#sha256=...")
    file = folder / PurePosixPath(urlsplit(url).path).name
    # The addresses are the builder's own, from a build argument.
    with urllib.request.urlopen(url, timeout=60) as answer, file.open("wb") as out:  # noqa: S310
        shutil.copyfileobj(answer, out)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != expected.lower():
        file.unlink()
        raise ValueError(f"{url} has the SHA-256 {found}, expected {expected}")
    return file


def unpack(archive: Path) -> list[Path]:
    """The packages of an archive, in its place; not the firmware, which is the host's, nor what is for debuggers."""
    packages = []
    with tarfile.open(archive) as members:
        for member in members:
            name = PurePosixPath(member.name).name
            content = members.extractfile(member)
            if content is None or not name.endswith(".deb") or name.startswith("intel-fw-npu") or "-dbgsym" in name:
                continue
            packages.append(archive.with_name(name))
            packages[-1].write_bytes(content.read())
    archive.unlink()
    if not packages:
        raise ValueError(f"{archive.name} has no packages in it")
    return packages


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
