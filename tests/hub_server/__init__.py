"""A small server of the hub's HTTP protocol, for tests: models from folders, with faults to order.

`HubServer` is a context manager; `add_model(id, folder)` and `.url` are all that most tests need.
"""

from tests.hub_server.faults import BadBytes, Cut, Fault, Reset, Slow, Stall, Status
from tests.hub_server.models import HostedModel
from tests.hub_server.server import HubServer, Seen
from tests.hub_server.settings import settings_for

__all__ = [
    "BadBytes",
    "Cut",
    "Fault",
    "HostedModel",
    "HubServer",
    "Reset",
    "Seen",
    "Slow",
    "Stall",
    "Status",
    "settings_for",
]
