"""optimum's export held to less time and memory than it takes by itself, for the same result.

Knows two functions inside optimum's exporter; does not know what is exported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def frugal_export(compress: Callable[[Any], Any] | None = None) -> Iterator[None]:
    """Inside, an export traces the model once, and `compress` gets the network before it is written.

    Tracing it again only to compare would find what differs from run to run; what the result says is measured against
    the original afterwards, which finds more. An uncompressed network that is written and read again costs twice the
    checkpoint in disk and time, and its pages fill the memory.
    """
    from optimum.exporters.openvino import convert

    save, checks = convert._save_model, convert.allow_skip_tracing_check

    def saving(model: Any, *arguments: Any, **options: Any) -> None:
        save(model if compress is None else compress(model), *arguments, **options)

    convert._save_model, convert.allow_skip_tracing_check = saving, lambda library_name, model_type: True
    try:
        yield
    finally:
        convert._save_model, convert.allow_skip_tracing_check = save, checks
