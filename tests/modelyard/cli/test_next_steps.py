"""What `modelyard up` says at its end, beside the compose files that it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.cli.next_steps import pages
from modelyard.deployment.plan import EXTRAS
from tests.deploy.compose.files import compose_files, interpolated

SECRETS = Path("/home/anna/secrets")
_GIVEN = {"MODELYARD_SECRETS_DIR": str(SECRETS), "MODELYARD_VERSION": "1.0.0"}


def _published(extra: str, given: dict[str, str]) -> set[str]:
    """The addresses that a compose file publishes, as `127.0.0.1:3001`."""
    services = interpolated(compose_files()[extra], _GIVEN | given)["services"].values()
    return {port.rpartition(":")[0] for service in services for port in service.get("ports", ())}


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize(
    "given", [{}, {"MODELYARD_WEBUI_PORT": "8123", "MODELYARD_GRAFANA_BIND": "10.1.2.3"}], ids=["defaults", "given"]
)
def test_every_published_page_is_told(extra: str, given: dict[str, str]) -> None:
    told = {line.split()[0].removeprefix("http://") for line in pages([extra], given, SECRETS)[1:]}
    assert told == _published(extra, given) != set()


def test_the_password_is_told_by_its_file() -> None:
    assert f"{SECRETS}/grafana_password" in "\n".join(pages(["monitoring"], {}, SECRETS))


def test_nothing_is_said_where_nothing_was_added() -> None:
    assert pages((), {}, SECRETS) == []
