"""Which files of a checkout go into a bundle, and which are somebody's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.deployment.bundle.collecting.trees import files_of
from modelyard.errors import InvalidInput


def write(checkout: Path, *paths: str) -> None:
    for path in paths:
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(path)


def names(checkout: Path, tree: str = "ansible") -> list[str]:
    return [path for path, _ in files_of(checkout, tree)]


def test_what_is_somebodys_own_stays_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        "ansible/playbooks/site.yml",
        "ansible/inventories/example/hosts.yml",
        "ansible/inventories/production/group_vars/all/vault.yml",
        "ansible/inventories/hosts.ini",
        "ansible/.ansible/collections/x",
        "ansible/collections/ansible_collections/x/y.py",
        "ansible/playbooks/site.retry",
        "ansible/roles/r/files/__pycache__/x.pyc",
    )
    assert set(names(tmp_path)) == {"ansible/playbooks/site.yml", "ansible/inventories/example/hosts.yml"}
    write(
        tmp_path, "deploy/compose/compose.yml", "deploy/compose/compose.env", "deploy/secrets/api_key", "deploy/tls.key"
    )
    assert names(tmp_path, "deploy") == ["deploy/compose/compose.yml"]


def test_links_within_the_checkout_go_in_as_what_they_lead_to(tmp_path: Path) -> None:
    write(tmp_path, "deploy/systemd/unit.service", "deploy/rules/a.yml", "ansible/roles/r/files/keep")
    (tmp_path / "ansible/roles/r/files/unit.service").symlink_to("../../../../deploy/systemd/unit.service")
    (tmp_path / "ansible/roles/r/files/rules").symlink_to("../../../../deploy/rules")
    found = dict(files_of(tmp_path, "ansible"))
    assert found["ansible/roles/r/files/unit.service"].read_text() == "deploy/systemd/unit.service"
    assert found["ansible/roles/r/files/rules/a.yml"].read_text() == "deploy/rules/a.yml"


@pytest.mark.parametrize("target", ["/etc/passwd", "/etc", "..", "../..", "absent"])
def test_links_that_lead_elsewhere_are_refused(tmp_path: Path, target: str) -> None:
    checkout = tmp_path / "checkout"
    write(checkout, "deploy/compose/compose.yml")
    (checkout / "deploy/compose/link").symlink_to(target)
    with pytest.raises(InvalidInput, match="deploy/compose/link cannot go into a bundle"):
        names(checkout, "deploy")


def test_our_own_trees_can_go_into_a_bundle() -> None:
    checkout = Path(__file__).resolve().parents[4]
    deploy, ansible = names(checkout, "deploy"), names(checkout)
    assert "deploy/compose/compose.yml" in deploy
    assert {"ansible/playbooks/airgap.yml", "ansible/roles/bundle/tasks/main.yml"} <= set(ansible)
