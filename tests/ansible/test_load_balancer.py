"""HAProxy's socket has a folder on every distribution, and who may use it is said where it is made."""

from __future__ import annotations

from pathlib import Path

from tests.ansible import tools

TEMPLATES = tools.COLLECTION / "roles/load_balancer/templates"
# A static import brings the variables of the role with the precedence they have in it; nothing of it runs.
VARIABLES = {"ansible.builtin.import_role": {"name": "load_balancer", "tasks_from": "preflight"}, "when": False}


def test_the_folder_of_the_socket_is_made_by_the_unit(tmp_path: Path) -> None:
    """RHEL's package makes none, `haproxy -c` does not miss it, and HAProxy does not start without it."""
    drop_in = f"{{{{ lookup('template', '{TEMPLATES}/limits.conf.j2') }}}}"
    hosts = {
        "usual": {},
        "own": {"load_balancer_socket": "/run/modelyard/balancer/admin.sock"},
        "bare": {"load_balancer_socket": "/run/haproxy.sock"},
        "elsewhere": {"load_balancer_socket": "/var/lib/haproxy/stats"},
    }
    written = tools.said(tmp_path, drop_in, VARIABLES, hosts=hosts)
    assert "\nRuntimeDirectory=haproxy\nRuntimeDirectoryMode=0755\n" in written["usual"]
    assert "\nRuntimeDirectory=modelyard/balancer\n" in written["own"]
    assert "RuntimeDirectory" not in written["bare"] + written["elsewhere"]


def test_the_group_of_the_socket_does_not_hang_on_that_of_its_folder() -> None:
    """Debian's folder hands its group on; one that systemd makes is root's."""
    (socket,) = [line for line in (TEMPLATES / "haproxy.cfg.j2").read_text().splitlines() if "stats socket" in line]
    assert "group haproxy mode 660" in socket
