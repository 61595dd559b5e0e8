"""The bearer key: compared in a time that says nothing of it. Users and roles come later.

Knows a header's form; does not know where the key is kept.
"""

from __future__ import annotations

import hashlib
import hmac


class BearerKey:
    """One key for all callers."""

    def __init__(self, key: str) -> None:
        if not key:
            raise ValueError("an empty key would let everybody in")
        self._digest = _digest(key)

    def opens(self, authorization: str) -> bool:
        """Whether an Authorization header carries the key."""
        scheme, _, given = authorization.partition(" ")
        # Digests have one length, so not even the key's length can be measured.
        return hmac.compare_digest(_digest(given.strip()), self._digest) and scheme.lower() == "bearer"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
