"""A pair of keys, and a small signed bundle written by the same code as a large one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from modelyard.deployment.bundle import checksums, layout, signature
from modelyard.deployment.bundle.archive import BundleWriter, written_whole

CONTENT = {
    "install.sh": b"#!/bin/sh\n",
    "deploy/compose/compose.yml": b"services: {}\n",
    "models/m.tar": b"weights" * 1000,
    "images/gateway-1.0.tar": b"layers" * 3000,
}


@dataclass(frozen=True)
class Keys:
    private: Path
    public: Path


def make_keys(folder: Path) -> Keys:
    keys = Keys(folder / "bundle.key", folder / "bundle.key.pub")
    signature.make_keys(keys.private, keys.public)
    return keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path)


def write_bundle(file: Path, private: Path | None, content: dict[str, bytes] | None = None) -> Path:
    """Signed by the key, or by nobody."""
    with written_whole(file) as stream:
        writer = BundleWriter(stream)
        for path, data in (CONTENT if content is None else content).items():
            writer.add(path, [data])
        about = layout.BundleManifest(
            "1.0", "2026-01-01T00:00:00+00:00", "linux/amd64", "modelyard", files=writer.files
        )
        writer.add(layout.MANIFEST, [about.to_bytes()])
        listed = checksums.to_bytes(writer.files)
        writer.add(layout.CHECKSUMS, [listed])
        if private is not None:
            writer.add(layout.SIGNATURE, [signature.read_private(private).sign(listed)])
        writer.finish()
    return file


@pytest.fixture
def signed(tmp_path: Path, keys: Keys) -> Path:
    return write_bundle(tmp_path / "signed.tar", keys.private)
