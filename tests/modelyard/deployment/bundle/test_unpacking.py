"""Files that leave a verified bundle: compared once more, and a tree appears by one rename."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.deployment.bundle.opened import opened
from modelyard.deployment.bundle.unpacking import is_unpacked, unpack_tree
from modelyard.deployment.bundle.verification import verify
from modelyard.deployment.errors import BundleDamaged
from tests.modelyard.deployment.bundle.conftest import CONTENT, Keys


def test_a_tree_comes_out_and_replaces_an_earlier_one(signed: Path, keys: Keys, tmp_path: Path) -> None:
    folder = tmp_path / "home/files/1.0"
    (folder / "compose").mkdir(parents=True)
    (folder / "compose/old.yml").touch()
    with opened(signed) as bundle:
        digests = verify(bundle, keys.public).digests
        assert not is_unpacked(digests, "deploy", folder)
        unpack_tree(bundle, digests, "deploy", folder)
        assert is_unpacked(digests, "deploy", folder)
    assert [path.name for path in folder.rglob("*")] == ["compose", "compose.yml"]
    assert (folder / "compose/compose.yml").read_bytes() == CONTENT["deploy/compose/compose.yml"]
    assert list(folder.parent.iterdir()) == [folder]


def test_what_changed_after_the_check_is_not_taken(signed: Path, keys: Keys, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    with opened(signed) as bundle:
        digests = verify(bundle, keys.public).digests
        data = bytearray(signed.read_bytes())
        data[data.index(b"services")] ^= 1
        signed.write_bytes(data)
        with pytest.raises(BundleDamaged, match="altered while it was read"):
            unpack_tree(bundle, digests, "deploy", folder)
    assert not folder.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
