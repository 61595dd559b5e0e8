"""Is a bundle what somebody signed: the signature first, then every file's digest, each byte read once.

Reads only; writes nothing and runs nothing of what is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modelyard.deployment.bundle import checksums, signature
from modelyard.deployment.bundle.archive import PIECE
from modelyard.deployment.bundle.layout import CHECKSUMS, MANIFEST, SIGNATURE, BundleManifest, read_manifest
from modelyard.deployment.bundle.opened import Bundle
from modelyard.deployment.errors import BundleDamaged, BundleUntrusted

_MAX_TEXT = 32 * 2**20  # bytes of a list or a manifest: a hundred thousand files


@dataclass(frozen=True)
class Verified:
    """What a bundle was found to be; `digests` has the SHA-256 of every file that was listed."""

    manifest: BundleManifest
    digests: dict[str, str]
    signed: bool
    size: int  # bytes of all files


def verify(
    bundle: Bundle,
    key: Path | None,
    *,
    allow_unsigned: bool = False,
    on_file: Callable[[str], None] | None = None,
) -> Verified:
    """Raises BundleUntrusted, or BundleDamaged with all that is wrong.

    Without a key a bundle is taken only if `allow_unsigned` says so: then damage is found, and malice is not.
    """
    listed = check_list(bundle, key, allow_unsigned=allow_unsigned)
    problems = _names(bundle, listed)
    for path, digest in listed.items():
        if path in bundle.sizes:
            if on_file is not None:
                on_file(path)
            if _digest(bundle, path) != digest:
                problems.append(f"{path} was altered")
    if problems:
        raise BundleDamaged(bundle.name, problems)
    manifest = read_manifest(_text(bundle, MANIFEST), bundle.name)
    return Verified(manifest, listed, signed=key is not None, size=sum(bundle.sizes.values()))


def check_list(bundle: Bundle, key: Path | None, *, allow_unsigned: bool) -> dict[str, str]:
    """The digests that were signed. Nothing but the list and its signature is read."""
    if key is None and not allow_unsigned:
        raise BundleUntrusted(
            bundle.name,
            "no key was given to check its signature with",
            hint="give the public key of who made it, --key FILE; --allow-unsigned goes without",
        )
    if CHECKSUMS not in bundle.sizes:
        raise BundleDamaged(bundle.name, [f"{CHECKSUMS} is missing"])
    text = _text(bundle, CHECKSUMS)
    if key is not None:
        _check_signature(bundle, key, text)
    return checksums.from_bytes(text, bundle.name)


def _check_signature(bundle: Bundle, key: Path, text: bytes) -> None:
    public = signature.read_public(key)
    if SIGNATURE not in bundle.sizes:
        raise BundleUntrusted(
            bundle.name,
            "it is not signed",
            hint="have it made with --key; --allow-unsigned without --key goes without a signature",
        )
    signed = _text(bundle, SIGNATURE)
    if len(signed) != signature.SIZE or not signature.is_signed_by(public, signed, text):
        raise BundleUntrusted(
            bundle.name,
            f"its signature is not by the key {key}, or its list of files was altered",
            hint="ask who made it for the public key, by another way than the bundle came",
        )


def _names(bundle: Bundle, listed: dict[str, str]) -> list[str]:
    there = bundle.sizes.keys() - {CHECKSUMS, SIGNATURE}
    missing = [f"{path} is missing" for path in sorted(listed.keys() - there)]
    extra = [f"{path} is in it and not in its list" for path in sorted(there - listed.keys())]
    if MANIFEST not in listed:
        missing.append(f"{MANIFEST} is not in its list")
    return missing + extra


def _digest(bundle: Bundle, path: str) -> str:
    digest = hashlib.sha256()
    with bundle.open(path) as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _text(bundle: Bundle, path: str) -> bytes:
    if bundle.sizes[path] > _MAX_TEXT:
        raise BundleDamaged(bundle.name, [f"{path} is too large to be one"])
    with bundle.open(path) as stream:
        return stream.read()
