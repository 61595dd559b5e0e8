"""Running somebody else's exporter: offline, its prints kept in a log, and what it raises made into an error of ours.

Knows how libraries fail for want of memory or disk; does not know what they export.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent, shorten

from converters.isolation import offline
from converters.quiet import captured, last_words
from modelyard import host
from modelyard.errors import ConversionFailed, HostProblem, ModelyardError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What C++ libraries say when a write fails, or memory cannot be had; they have no codes for it.
_WRITE_FAILED = ("iostream error", "No space left", "File too large", "failed to write", "Cannot write")
_OUT_OF_MEMORY = ("bad_alloc", "not enough memory", "Cannot allocate memory", "DefaultCPUAllocator")


@contextlib.contextmanager
def exporting(
    what: str, log: Path, *, show: bool = False, hint: str = "pass --debug to see all that was printed"
) -> Iterator[None]:
    """Raises ConversionFailed with the exporter's last words, or HostProblem when the machine has no room for it."""
    try:
        with blaming_the_host(log.parent), offline(), captured(log, show=show):
            yield
    except ModelyardError:
        raise
    except Exception as error:
        words = indent(last_words(log), "    ")
        reason = shorten(str(error) or type(error).__name__, 600)
        raise ConversionFailed(f"{what}: {reason}" + (f"\n{words}" if words else ""), hint=hint) from error


@contextlib.contextmanager
def blaming_the_host(folder: Path) -> Iterator[None]:
    """Raises HostProblem where the machine has no room for what is written below `folder`; other errors pass."""
    try:
        yield
    except ModelyardError:
        raise
    except Exception as error:
        if (problem := _of_this_host(error, folder)) is not None:
            raise problem from error
        raise


def _of_this_host(error: Exception, folder: Path) -> HostProblem | None:
    said = str(error)
    if isinstance(error, MemoryError) or any(words in said for words in _OUT_OF_MEMORY):
        return HostProblem(
            f"the conversion ran out of memory, {host.free_memory() / 2**30:.1f} GiB are free now",
            hint="stop other programs, or convert on a larger machine: `modelyard plan` says what is needed",
        )
    if getattr(error, "errno", None) in _NO_ROOM or any(words in said for words in _WRITE_FAILED):
        return HostProblem(
            f"a file could not be written below {folder}, which has {host.free_disk(folder) / 2**30:.1f} GiB free",
            hint="free some space, raise the limit on file sizes, or choose another repository",
        )
    return None
