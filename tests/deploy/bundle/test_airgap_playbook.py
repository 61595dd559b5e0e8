"""The check at the beginning of `airgap.yml`, by the real ansible-playbook on this machine; nothing else is reached.

That hosts are made from a bundle is shown by tests/fleet/test_airgapped.py.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from modelyard.deployment.bundle import checksums, layout, signature
from modelyard.deployment.bundle.archive import BundleWriter, written_whole
from tests.ansible import tools

HOSTS = """\
one
two

[all:vars]
ansible_connection=local
ansible_become=false
ansible_python_interpreter="{{ ansible_playbook_python }}"

[balancers]
one
[gateways]
one
[model_servers]
one
two
"""
CONTENT = {"models/small.tar": b"small", "models/large.tar": b"large", "wheels/gateway.txt": b"x==1\n"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with keys, an inventory and an unpacked bundle for this machine."""
    signature.make_keys(tmp_path / "key", tmp_path / "key.pub")
    (tmp_path / "hosts.ini").write_text(HOSTS)
    release = subprocess.run(["sh", "-c", ". /etc/os-release; echo $ID:$VERSION_ID"], capture_output=True, text=True)
    processor = {"x86_64": "amd64", "aarch64": "arm64"}[
        subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    ]
    write_bundle(tmp_path, release=release.stdout.strip(), platform=f"linux/{processor}")
    return tmp_path


def write_bundle(place: Path, *, release: str, platform: str) -> None:
    with written_whole(place / "b.tar") as stream:
        writer = BundleWriter(stream)
        for path, data in CONTENT.items():
            writer.add(path, [data])
        models = tuple(layout.BundledModel(name, f"models/{name}.tar") for name in ("small", "large"))
        about = layout.BundleManifest(
            "7.8.9", "", platform, "registry.example/ai", models=models, release=release, files=writer.files
        )
        writer.add(layout.MANIFEST, [about.to_bytes()])
        listed = checksums.to_bytes(writer.files)
        writer.add(layout.CHECKSUMS, [listed])
        writer.add(layout.SIGNATURE, [signature.read_private(place / "key").sign(listed)])
        writer.finish()
    shutil.rmtree(place / "b", ignore_errors=True)
    (place / "b").mkdir()
    subprocess.run(["tar", "-xf", str(place / "b.tar"), "-C", str(place / "b")], check=True)


def play(place: Path, playbook: str | Path, **variables: object) -> subprocess.CompletedProcess[str]:
    given = {"modelyard_bundle": str(place / "b"), "modelyard_bundle_key": str(place / "key.pub"), **variables}
    (place / "given.yml").write_text(
        yaml.safe_dump({name: value for name, value in given.items() if value is not None})
    )
    arguments = ["-i", place / "hosts.ini", "-e", f"@{place / 'given.yml'}", playbook]
    return tools.run("ansible-playbook", *arguments, ANSIBLE_HOME=str(place / "ansible"))


def refused(place: Path, words: str, **variables: object) -> None:
    done = play(place, tools.COLLECTION / "playbooks/airgap.yml", **variables)
    assert done.returncode != 0, done.stdout
    assert words in " ".join(done.stdout.split()), done.stdout
    assert "changed=0" in done.stdout
    assert "Name the bundle to the roles" not in done.stdout


def test_whatever_is_wrong_with_a_bundle_ends_the_run_before_it_begins(place: Path) -> None:
    for damage, words in (
        ("echo more >> models/small.tar", "models/small.tar: FAILED"),
        ("rm models/small.tar", "models/small.tar"),
        ("echo > packages.txt", "f packages.txt"),
        ("ln -s /etc/passwd wheels/link", "l wheels/link"),
        ("sed -i 1d SHA256SUMS", "Check the signature"),
    ):
        shutil.copytree(place / "b", place / "whole", symlinks=True)
        subprocess.run(["sh", "-c", damage], cwd=place / "b", check=True)
        refused(place, words)
        shutil.rmtree(place / "b")
        (place / "whole").rename(place / "b")


def test_a_bundle_is_not_taken_without_a_key_or_with_another(place: Path) -> None:
    refused(place, "Name the public key", modelyard_bundle_key=None)
    signature.make_keys(place / "other", place / "other.pub")
    refused(place, "Check the signature", modelyard_bundle_key=str(place / "other.pub"))


def test_hosts_that_the_bundle_is_not_for_are_refused(place: Path) -> None:
    refused(place, "Not in the bundle: absent", modelyard_models=[{"name": "absent"}])
    wanted = {"name": "absent", "source": "somebody/model", "state": "present"}
    refused(place, "Not in the bundle: absent", modelyard_models=[wanted])
    write_bundle(place, release="debian:potato-slim", platform="linux/amd64")
    refused(place, "The bundle is for debian:potato-slim")
    write_bundle(place, release="debian:bookworm-slim", platform="linux/s390x")
    refused(place, "on linux/s390x")


def test_what_is_in_it_becomes_the_variables_of_the_roles(place: Path) -> None:
    said = "{{ {'models': bundle_wanted, 'version': bundle_manifest.version} | to_json }}"
    file = f"{place}/said-{{{{ inventory_hostname }}}}.json"
    task = {"ansible.builtin.copy": {"content": said, "dest": file, "mode": "0644"}}
    (place / "show.yml").write_text(yaml.safe_dump([{"hosts": "all", "roles": ["bundle"], "tasks": [task]}]))
    wanted = [{"name": "large"}, {"name": "old", "state": "absent"}, {"name": "own", "archive": "/own.tar"}]
    for given, models in (
        ([], [("small", f"{place}/b/models/small.tar"), ("large", f"{place}/b/models/large.tar")]),
        (wanted, [("large", f"{place}/b/models/large.tar"), ("old", None), ("own", "/own.tar")]),
    ):
        done = play(place, place / "show.yml", modelyard_models=given)
        assert done.returncode == 0, done.stdout + done.stderr
        for host in ("one", "two"):
            said = yaml.safe_load((place / f"said-{host}.json").read_text())
            assert said["version"] == "7.8.9"
            assert [(model["name"], model.get("archive")) for model in said["models"]] == models
