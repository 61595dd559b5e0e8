"""Keeps libraries from calling anybody while a model is converted: it is all on this machine by then.

Knows the libraries' switches; does not know what they do.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """No telemetry from now on in this process, and no hub while the block runs."""
    # Importing openvino reports to a web analytics service, unless the reporting package cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is how Python says "not there"
    try:
        from huggingface_hub import constants
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
