"""Key pairs for bundles, and a signature that plain OpenSSL can check as well.

    openssl pkeyutl -verify -pubin -inkey KEY.pub -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig

Ed25519 by the cryptography library, keys in PEM. Knows bytes and key files; does not know what is signed.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from modelyard.deployment.errors import BadBundleKey
from modelyard.errors import FileExists, HostProblem, SourceUnavailable

SIZE = 64  # bytes of every Ed25519 signature


def make_keys(private: Path, public: Path) -> None:
    """Write a new pair: the private key for this user alone to read. Never replaces a key that is there."""
    for file in (private, public):
        if os.path.lexists(file):
            raise FileExists(file)
    key = Ed25519PrivateKey.generate()
    _write(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    _write(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), mode=0o644)


def _write(file: Path, content: bytes, *, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as stream:
        stream.write(content)


def read_private(file: Path) -> Ed25519PrivateKey:
    """The key to sign with. Raises BadBundleKey, and HostProblem when others could have read it."""
    try:
        key = load_pem_private_key(_read(file), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadBundleKey(file, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadBundleKey(file, "private")
    if file.stat().st_mode & 0o077:
        raise HostProblem(f"others on this host may read the private key {file}", hint=f"chmod 600 {file}")
    return key


def read_public(file: Path) -> Ed25519PublicKey:
    """The key to check with. Raises BadBundleKey."""
    try:
        key = load_pem_public_key(_read(file))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadBundleKey(file, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadBundleKey(file, "public")
    return key


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceUnavailable(f"the key {file} cannot be read: {error.strerror}") from error


def is_signed_by(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
