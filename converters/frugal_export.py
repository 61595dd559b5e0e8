"""optimum's export held to less time and memory than it takes by itself, for the same result.

Knows two functions inside optimum's exporter; does not know what is exported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from converters.mapped import giving_back


@contextlib.contextmanager
def frugal_export(weights: Sequence[Path]) -> Iterator[None]:
    """Inside, an export of weights in these files holds few of them in memory at a time, and traces the model once.

    Tracing it again only to compare would find what differs from run to run; what the result says is measured against
    the original afterwards, which finds more.
    """
    from optimum.exporters.openvino import convert

    save, checks = convert._save_model, convert.allow_skip_tracing_check

    def saving(*arguments: Any, **options: Any) -> None:
        with giving_back(*weights):  # the weights are mapped until the model is freed, which the caller holds
            save(*arguments, **options)

    convert._save_model, convert.allow_skip_tracing_check = saving, lambda library_name, model_type: True
    try:
        yield
    finally:
        convert._save_model, convert.allow_skip_tracing_check = save, checks
