"""Keys: who may read them, what is no key, and that OpenSSL agrees about what was signed."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from modelyard.deployment.bundle import signature
from modelyard.deployment.errors import BadBundleKey
from modelyard.errors import FileExists, HostProblem, SourceUnavailable
from tests.modelyard.deployment.bundle.conftest import Keys


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)


def test_the_private_key_is_for_its_owner_alone(keys: Keys) -> None:
    assert stat.S_IMODE(keys.private.stat().st_mode) == 0o600
    assert b"PRIVATE" not in keys.public.read_bytes()


def test_no_key_is_ever_replaced(keys: Keys) -> None:
    before = keys.private.read_bytes()
    with pytest.raises(FileExists):
        signature.make_keys(keys.private, keys.public.with_name("other.pub"))
    with pytest.raises(FileExists):
        signature.make_keys(keys.private.with_name("other.key"), keys.public)
    assert keys.private.read_bytes() == before
    assert not keys.private.with_name("other.key").exists()


def test_openssl_checks_what_was_signed(keys: Keys, tmp_path: Path) -> None:
    text, signed = tmp_path / "SHA256SUMS", tmp_path / "SHA256SUMS.sig"
    text.write_bytes(b"what was signed\n")
    signed.write_bytes(signature.read_private(keys.private).sign(text.read_bytes()))
    command = ["pkeyutl", "-verify", "-pubin", "-inkey", keys.public, "-rawin", "-in", text, "-sigfile", signed]
    assert openssl(*command).returncode == 0
    text.write_bytes(b"what was signed!\n")
    assert openssl(*command).returncode != 0


def test_a_pair_that_openssl_made_works_too(tmp_path: Path) -> None:
    private, public = tmp_path / "o.key", tmp_path / "o.pub"
    assert openssl("genpkey", "-algorithm", "ed25519", "-out", private).returncode == 0
    assert openssl("pkey", "-in", private, "-pubout", "-out", public).returncode == 0
    private.chmod(0o600)
    signed = signature.read_private(private).sign(b"text")
    assert signature.is_signed_by(signature.read_public(public), signed, b"text")
    assert not signature.is_signed_by(signature.read_public(public), signed, b"Text")


def test_a_key_that_others_may_read_does_not_sign(keys: Keys) -> None:
    keys.private.chmod(0o640)
    with pytest.raises(HostProblem) as refused:
        signature.read_private(keys.private)
    assert "chmod 600" in refused.value.hint


def test_what_is_no_key_is_called_so(keys: Keys, tmp_path: Path) -> None:
    rsa, text = tmp_path / "rsa.key", tmp_path / "text"
    openssl("genpkey", "-algorithm", "rsa", "-out", rsa)
    text.write_text("no key at all\n")
    for wrong in (rsa, text, keys.public):
        with pytest.raises(BadBundleKey, match="private"):
            signature.read_private(wrong)
    for wrong in (rsa, text, keys.private):
        with pytest.raises(BadBundleKey, match="public"):
            signature.read_public(wrong)
    with pytest.raises(SourceUnavailable):
        signature.read_public(tmp_path / "absent")
