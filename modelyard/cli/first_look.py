"""What a conversion tells before it begins: its plan and its figures, and what this host cannot do.

Of a model on the hub it is told before anything of it is fetched. Shows and refuses; `converters` computes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.cli import output

if TYPE_CHECKING:
    from converters.convert import Conversion
    from converters.plan import ConversionPlan, Wishes
    from converters.source import Checkpoint
    from modelyard.cli.conversion_options import Order
    from modelyard.cli.progress_lines import ProgressLines
    from modelyard.settings import Settings

# The figures that are told; the rest is for `modelyard plan`.
_TOLD = frozenset({"parameters", "on disk", "disk to convert", "memory to convert", "memory to serve", "speed"})


class FirstLook:
    """Tells a plan once, however often it is asked to; refuses each time that it does not fit.

    `already` gives the entry where it is what was asked for, and raises where another has its name.
    """

    def __init__(
        self,
        settings: Settings,
        order: Order,
        shown: output.Progress | ProgressLines,
        already: Callable[[Wishes, Checkpoint], Conversion | None],
    ) -> None:
        self._settings = settings
        self._order = order
        self._shown = shown
        self._already = already
        self._told = False

    def before_fetching(self, checkpoint: Checkpoint, to_fetch: int) -> None:
        """Told of stand-ins for what is to come. Raises what speaks against it, and what does not fit this host."""
        from modelyard.cli.plan import planned
        from modelyard.cli.wishes import wishes_of

        if self._told:
            return
        self._shown.note(f"to fetch: {output.in_bytes(to_fetch)}")
        with tempfile.TemporaryDirectory(prefix="modelyard-look-") as scratch:
            wishes = wishes_of(self._settings, self._order, Path(scratch))
            plan = planned(self._settings, checkpoint, wishes, auto=self._order.target == "auto")
            if self._can_compare(wishes, Path(scratch)) and self._already(wishes, checkpoint) is not None:
                return
            self.tell(plan, to_fetch=to_fetch)

    def tell(self, plan: ConversionPlan, *, to_fetch: int = 0) -> None:
        """Say what is planned and what it takes. Raises what this host cannot do."""
        from converters.measured_step import known_step
        from converters.outlook import host_figures, look_ahead
        from modelyard.cli.plan import lines_of, refuse

        host = host_figures(plan.repository)
        host = replace(host, disk=max(0, host.disk - self._disk_taken(plan, to_fetch)))
        seen = look_ahead(plan, host, context=plan.context_length, step=known_step(plan))
        if not self._told:
            self._told = True
            for what, why in ((plan.target, plan.target_reason), (plan.precision, plan.precision_reason)):
                if why:
                    self._shown.note(f"{what}: {why}")
            for name, figure in lines_of(plan, seen):
                if name in _TOLD:
                    self._shown.note(f"{name}: {figure}")
        refuse(seen.against_converting)

    def _can_compare(self, wishes: Wishes, scratch: Path) -> bool:
        """Whether the plan's settings are those that it will have when everything is here."""
        places = [*wishes.adapters.values(), *wishes.companions.values()]
        return self._order.target != "auto" and not any(scratch in place.parents for place in places)

    def _disk_taken(self, plan: ConversionPlan, to_fetch: int) -> int:
        """Bytes that the download leaves less of for the conversion."""
        from converters.estimates.weights import LINKED
        from converters.hub.access import Hub
        from modelyard.host import same_disk

        # Linked weights are there once, and the plan counts them.
        if not to_fetch or plan.exporter in LINKED:
            return 0
        return to_fetch if same_disk(Hub.of(self._settings).cache(), plan.repository) else 0
