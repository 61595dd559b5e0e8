"""A host that no network reaches: from nothing to a streamed answer out of one signed file."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.engine import Engine
from tests.fleet import releases
from tests.fleet.control import Control
from tests.fleet.hosts import fleet
from tests.fleet.traffic import ask
from tests.system.service import MODELYARD, environment

pytestmark = pytest.mark.timeout(3600)  # images are built, packed, unpacked and loaded before the first playbook begins


def modelyard(*arguments: str | Path, **settings: object) -> None:
    own = environment(**settings) | {"DOCKER_HOST": os.environ["DOCKER_HOST"]}
    done = subprocess.run([MODELYARD, *arguments], env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def bundle(archives: Path, demo_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which a signed bundle was unpacked; the public key lies beside it."""
    folder = tmp_path_factory.mktemp("bundle")
    modelyard("bundle", "keygen", folder / "key", folder / "key.pub")
    images = [part for image in releases.IMAGES for part in ("--image", image)]
    release = ["--release", "debian:bookworm-slim", "--no-wheels"]
    made = ["--model", "demo", *images, *release]
    modelyard(
        "bundle",
        "create",
        folder / "b.tar",
        "--key",
        folder / "key",
        *made,
        model_repository=demo_archive.parent / "model_repository",
    )
    with tarfile.open(folder / "b.tar") as tar:
        tar.extractall(folder / "unpacked")
    (folder / "b.tar").unlink()
    return folder / "unpacked"


@pytest.fixture
def island(engine: Engine, bundle: Path, tmp_path: Path) -> Iterator[Control]:
    """One host for everything, with no way out."""
    with fleet(f"island-{os.getpid()}", tmp_path / "fleet", ["island"]) as made:
        made.hosts["island"].cut_off()
        yield Control(
            fleet=made,
            folder=tmp_path,
            groups={group: ["island"] for group in ("balancers", "gateways", "model_servers")},
            # A container cannot have more open files than the machine around it gives it.
            variables={"modelyard_version": releases.FIRST, "load_balancer_max_connections": 2000},
            collection=bundle / "ansible",
        )


def test_everything_comes_out_of_the_bundle(island: Control, bundle: Path) -> None:
    assert "no way" in island.fleet.hosts["island"].run("timeout 5 getent hosts deb.debian.org || echo no way")
    island.play("airgap.yml", modelyard_bundle_key=str(bundle.parent / "key.pub"))
    answer = ask(island.url, island.api_key)
    assert (answer.status, answer.error, answer.finish_reason) == (200, "", "length")
    again = island.play("airgap.yml", modelyard_bundle_key=str(bundle.parent / "key.pub"))
    assert again.changed == {}, again.changes()
