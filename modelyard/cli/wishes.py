"""What a command line asks of a plan, with adapters and vocoder brought here, or only looked at.

Knows the options; does not know what a plan makes of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from converters.plan import Wishes
    from modelyard.cli.conversion_options import Order
    from modelyard.settings import Settings


def adapters_of(given: list[str]) -> dict[str, str]:
    """--lora NAME=PLACE, as often as it was given. Raises FieldRefused."""
    from modelyard.errors import FieldRefused

    found = dict(text.partition("=")[::2] for text in given)
    for name, place in found.items():
        if not name.isidentifier() or not place:
            raise FieldRefused("--lora", f"'{name}' is not NAME=PATH_OR_HUB_ID; the name has letters, digits and _")
    return found


def asks_a_hub(order: Order) -> bool:
    """Whether something that the order names is not here."""
    return any(not Path(place).expanduser().exists() for place in _places(order))


def wishes_of(settings: Settings, order: Order, scratch: Path | None = None) -> Wishes:
    """What the order asks of a plan; with `scratch`, what is on the hub is not fetched: stand-ins are written there."""
    from converters.plan import Wishes
    from modelyard.gpus import find_gpus, gpus_in_words

    return Wishes(
        name=order.name,
        task=order.task,
        target=order.target if order.target != "auto" else None,
        precision=order.precision,
        device=order.device,
        context_length=order.context,
        trust_remote_code=order.trust_remote_code,
        adapters={name: _adapter(settings, place, scratch, name) for name, place in order.lora.items()},
        companions={"vocoder": _companion(settings, order.vocoder, scratch)} if order.vocoder else {},
        calibration=order.calibration,
        gpus=gpus_in_words(order.gpus) if order.gpus else find_gpus(),
        engine_python=settings.engine_python,
        served_here=not order.gpus and not settings.triton_urls and settings.engine_python.expanduser().exists(),
    )


def _places(order: Order) -> Iterator[str]:
    yield order.source
    yield from order.lora.values()
    if order.vocoder:
        yield order.vocoder


def _adapter(settings: Settings, place: str, scratch: Path | None, name: str) -> Path:
    from converters.adapter_source import glance_at_adapter, open_adapter

    if scratch is None:
        return open_adapter(place, settings=settings)
    return glance_at_adapter(place, scratch / f"adapter-{name}", settings=settings)


def _companion(settings: Settings, place: str, scratch: Path | None) -> Path:
    from converters.glance import glance
    from converters.source import open_checkpoint

    if scratch is None:
        return open_checkpoint(place, settings=settings).folder
    return glance(place, scratch / "vocoder", settings=settings).folder
