"""Images out of one engine into a bundle and back, with images of a few bytes; and packages of another release."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.deployment import engine as engines
from modelyard.deployment.bundle import checksums, layout, signature
from modelyard.deployment.bundle.archive import BundleWriter, written_whole
from modelyard.deployment.bundle.collecting.packages import resolve
from tests.deploy import base_images
from tests.deploy.engine import Engine
from tests.modelyard.catalog.entries import write_entry
from tests.modelyard.cli.command import printed, refused, yard

PREFIX = f"modelyard-bundle-test-{os.getpid()}"


def docker(*arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def make_image(reference: str, content: bytes) -> str:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        info = tarfile.TarInfo("file")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return docker("import", "-", reference, stdin=stream.getvalue())


def id_of(reference: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", reference)


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Iterator[Path]:
    """A folder with keys and a repository; the images of this test are gone afterwards."""
    signature.make_keys(tmp_path / "key", tmp_path / "key.pub")
    write_entry(tmp_path / "repository", "m")
    yield tmp_path
    made = docker("images", "--quiet", "--filter", f"reference={PREFIX}/*").split()
    if made:
        docker("rmi", "--force", *made)


def bundle(place: Path) -> Path:
    file = place / "b.tar"
    images = ["--image", "one", "--image", "two:-small"]
    given = ["--key", str(place / "key"), "--no-wheels", "--model", "m", *images]
    settings = {"MODELYARD_IMAGE_PREFIX": PREFIX, "MODELYARD_VERSION": "1.0"}
    printed(place / "repository", "bundle", "create", str(file), *given, **settings)
    return file


def install(place: Path, file: Path, *options: str, start: bool = False) -> subprocess.CompletedProcess[bytes]:
    given = ["--key", str(place / "key.pub"), "--home", str(place / "home"), *options]
    given += [] if start else ["--no-start"]
    # As on a host without a checkout, where the deployment files come out of the bundle.
    return yard(place, "bundle", "install", str(file), *given, MODELYARD_DEPLOY_FILES=str(place / "nowhere"))


def test_images_and_models_go_through_a_bundle(place: Path) -> None:
    first, second = make_image(f"{PREFIX}/one:1.0", b"one"), make_image(f"{PREFIX}/two:1.0-small", b"two")
    file = bundle(place)
    manifest = json.loads(
        subprocess.run(["tar", "-xOf", file, "manifest.json"], capture_output=True, check=True).stdout
    )
    assert {"images/one-1.0.tar", "images/two-1.0-small.tar", "models/m.tar"} <= set(manifest["files"])
    docker("rmi", f"{PREFIX}/one:1.0", f"{PREFIX}/two:1.0-small")

    dry = install(place, file, "--dry-run")
    assert f"would do: loading {PREFIX}/one:1.0" in dry.stderr.decode()
    assert not (place / "home").exists()

    done = install(place, file)
    assert done.returncode == 0, done.stderr
    assert (id_of(f"{PREFIX}/one:1.0"), id_of(f"{PREFIX}/two:1.0-small")) == (first, second)
    assert "all as recorded" in printed(place / "home/data/models", "verify", "m")
    assert (place / "home/files/1.0/compose/compose.yml").is_file()

    again = install(place, file)
    assert again.returncode == 0
    assert "loading" not in again.stderr.decode()
    assert "importing" not in again.stderr.decode()


def test_a_model_that_differs_is_replaced_only_when_that_was_said(place: Path) -> None:
    make_image(f"{PREFIX}/one:1.0", b"one")
    make_image(f"{PREFIX}/two:1.0-small", b"two")
    file = bundle(place)
    write_entry(place / "home/data/models", "m", weights=77)
    refused(install(place, file), 2, "the model 'm' exists already")
    assert not (place / "home/files").exists()
    assert install(place, file, "--force").returncode == 0
    assert (place / "home/data/models/m/1/weights.bin").stat().st_size == 3000


def test_where_another_version_runs_it_is_upgraded(place: Path) -> None:
    make_image(f"{PREFIX}/one:1.0", b"one")
    make_image(f"{PREFIX}/two:1.0-small", b"two")
    file = bundle(place)
    fresh = install(place, file, "--dry-run", "--port", "12345", start=True).stderr.decode()
    assert "as modelyard up does" in fresh
    assert "--port 12345" in fresh
    (place / "home").mkdir()
    (place / "home/state.json").write_text('{"version": "0.9", "files": ["compose.yml"], "options": {}}')
    later = install(place, file, "--dry-run", start=True).stderr.decode()
    assert "as modelyard upgrade does" in later
    assert "upgrade --to 1.0" in later
    refused(install(place, file, "--dry-run", "--port", "12345", start=True), 2, "--port cannot be changed together")


def test_a_failure_half_way_gives_names_back(place: Path) -> None:
    new = make_image(f"{PREFIX}/one:1.0", b"new")
    saved = subprocess.run(["docker", "save", f"{PREFIX}/one:1.0"], capture_output=True, check=True).stdout
    old = make_image(f"{PREFIX}/one:1.0", b"old")
    assert new != old
    file = place / "broken.tar"
    with written_whole(file) as stream:
        writer = BundleWriter(stream)
        writer.add("images/one.tar", [saved])
        writer.add("images/two.tar", [b"no image at all" * 100])
        writer.add("deploy/compose/compose.yml", [b"services: {}\n"])
        images = (
            layout.BundledImage(f"{PREFIX}/one:1.0", "images/one.tar", new),
            layout.BundledImage(f"{PREFIX}/two:1.0", "images/two.tar", "sha256:0"),
        )
        about = layout.BundleManifest("1.0", "", "linux/amd64", PREFIX, images=images, files=writer.files)
        writer.add(layout.MANIFEST, [about.to_bytes()])
        listed = checksums.to_bytes(writer.files)
        writer.add(layout.CHECKSUMS, [listed])
        writer.add(layout.SIGNATURE, [signature.read_private(place / "key").sign(listed)])
        writer.finish()
    failed = install(place, file)
    refused(failed, 2, "images/two.tar")
    assert f"loading {PREFIX}/one:1.0" in failed.stderr.decode()
    assert id_of(f"{PREFIX}/one:1.0") == old


def test_an_image_that_is_not_here_is_named_before_any_work(place: Path) -> None:
    settings = {"MODELYARD_IMAGE_PREFIX": PREFIX, "MODELYARD_VERSION": "1.0"}
    given = ["--key", str(place / "key"), "--image", "absent"]
    refused(yard(place, "bundle", "create", str(place / "b.tar"), *given, **settings), 4, f"{PREFIX}/absent:1.0")
    assert not list(place.glob("*b.tar*"))


def test_packages_install_in_a_container_that_no_network_reaches(engine: Engine, place: Path) -> None:
    listed = place / "packages.txt"
    listed.write_text("# two programs\n\nhaproxy socat\n? no-such-package\nca-certificates python3\n")
    made = resolve(engines.connect(), base_images.DEBIAN, place / "packages", listed=listed)
    assert made.python == "3.11"
    assert not list(made.folder.glob("*%*"))
    script = (
        "echo 'deb [trusted=yes] file:/packages ./' > /etc/apt/sources.list && rm -rf /etc/apt/sources.list.d/*"
        " && apt-get update && apt-get install --yes --no-install-recommends haproxy socat && haproxy -v"
    )
    shared = ["--volume", f"{made.folder}:/packages:ro"]
    assert "HAProxy version" in docker(
        "run", "--rm", "--network", "none", *shared, base_images.DEBIAN, "sh", "-c", script
    )


def test_the_program_installs_in_a_container_that_no_network_reaches(engine: Engine, place: Path) -> None:
    given = ["--key", str(place / "key"), "--no-images", "--python", "3.11"]
    printed(place / "repository", "bundle", "create", str(place / "b.tar"), *given)
    script = (
        "mkdir /tmp/b && tar -xf /place/b.tar -C /tmp/b"
        " && sh /tmp/b/install.sh --key /place/key.pub --prefix /tmp/program --no-start"
        " && /tmp/program/bin/modelyard bundle verify /tmp/b --key /place/key.pub"
        " && touch /tmp/models.toml && export DOCKER_HOST=unix:///nowhere"
        " && /tmp/program/bin/modelyard up --home /tmp/home --models /tmp/models.toml --dry-run"
    )
    shared = ["--network", "none", "--volume", f"{place}:/place:ro"]
    said = docker("run", "--rm", *shared, base_images.PYTHON, "sh", "-c", script)
    assert "is whole, signed by the owner of /place/key.pub" in said
    assert "nothing was changed: this was a dry run" in said
