"""What holds for every test: none is decided by the clock, and CI tries the same generated examples each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Hypothesis' own limit is 200 ms an example, which a loaded machine exceeds now and then.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("tests")
