"""A model that is named by where it comes from: one host with nothing on it converts it, and then serves it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.engine import Engine
from tests.fleet import releases
from tests.fleet.control import ROOT, Control
from tests.fleet.hosts import fleet
from tests.fleet.traffic import ask

pytestmark = pytest.mark.timeout(3600)  # the converter's image is built and loaded
_DEMO: dict[str, str] = {"name": "demo", "source": str(ROOT / "demo/checkpoint"), "precision": "int8"}


@pytest.fixture(scope="module")
def workshop(engine: Engine, archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    releases.add("converter", archives)
    folder = tmp_path_factory.mktemp("workshop")
    with fleet(f"workshop-{os.getpid()}", folder / "fleet", ["workshop"]) as made:
        yield Control(
            fleet=made,
            folder=folder,
            groups={group: ["workshop"] for group in ("balancers", "gateways", "model_servers")},
            variables={
                "modelyard_version": releases.FIRST,
                "modelyard_image_source": "archive",
                "modelyard_image_archive": str(archives),
                "load_balancer_max_connections": 2000,
                "modelyard_archive_dir": str(folder / "archives"),
                "modelyard_models": [_DEMO],
            },
        )


def served(control: Control) -> dict[str, Any]:
    """What the host's catalog says of the model."""
    manifest = control.fleet.hosts["workshop"].run("cat /var/lib/modelyard/models/demo/manifest.json")
    found: dict[str, Any] = json.loads(manifest)
    return found


def test_the_first_run_converts_it(workshop: Control) -> None:
    workshop.play("site.yml")
    answer = ask(workshop.url, workshop.api_key)
    assert (answer.status, answer.error) == (200, "")
    assert "Modelyard" in answer.text
    assert served(workshop)["precision"] == "int8"


def test_a_second_run_converts_nothing(workshop: Control) -> None:
    assert (play := workshop.play("site.yml")).changed == {}, play.changes()
    assert (play := workshop.play("models.yml")).changed == {}, play.changes()


def test_what_is_wished_differently_is_converted_anew_and_published(workshop: Control) -> None:
    workshop.variables["modelyard_models"] = [{**_DEMO, "precision": "fp16"}]
    workshop.play("models.yml")
    assert served(workshop)["precision"] == "fp16"
    assert ask(workshop.url, workshop.api_key).error == ""
