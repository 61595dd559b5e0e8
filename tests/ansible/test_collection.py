"""The collection as `ansible-galaxy collection build` makes it: whole, without the checkout around it."""

from __future__ import annotations

import tarfile

import pytest

from tests.ansible import tools


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """By path, what is in the file that would be published."""
    folder = tmp_path_factory.mktemp("collection")
    done = tools.run(
        "ansible-galaxy", "collection", "build", "--output-path", folder, ANSIBLE_HOME=str(folder / "home")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("*.tar.gz")
    found: dict[str, bytes] = {}
    with tarfile.open(made) as tar:
        for member in tar:
            assert member.isfile() or member.isdir(), f"{member.name} leads out of the collection"
            if member.isfile():
                content = tar.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
    return found


def test_rules_and_dashboards_are_in_it(built: dict[str, bytes]) -> None:
    deploy, files = tools.ROOT / "deploy/monitoring", "roles/monitoring/files"
    wanted = {f"{files}/rules/{path.name}": path for path in (deploy / "prometheus/rules").glob("*.yml")}
    for path in (deploy / "grafana").rglob("*"):
        if path.is_file():
            wanted[f"{files}/grafana/{path.relative_to(deploy / 'grafana')}"] = path
    assert len(wanted) >= 6
    assert {name for name in built if name.startswith(f"{files}/")} == set(wanted)
    assert [name for name, path in wanted.items() if built[name] != path.read_bytes()] == []


def test_every_file_of_the_roles_and_playbooks_is_in_it(built: dict[str, bytes]) -> None:
    for part in ("roles", "playbooks", "meta"):
        here = {
            str(path.relative_to(tools.COLLECTION)) for path in (tools.COLLECTION / part).rglob("*") if path.is_file()
        }
        assert here - set(built) == set()
