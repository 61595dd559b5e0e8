"""The firewall of base keeps our ports to the hosts that need them, and can lock nobody out of a host."""

from __future__ import annotations

import re

from tests.ansible import tools
from tests.ansible.conftest import HOSTS, Rendered


def rules(rendered: Rendered, host: str) -> list[str]:
    lines = (line.strip() for line in rendered[host]["firewall"].splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def allowed(lines: list[str], port: str) -> set[str]:
    """Addresses that the rules let through to a port."""
    found: set[str] = set()
    for line in lines:
        match = re.fullmatch(rf"tcp dport {{ {re.escape(port)} }} ip6? saddr {{ (.+) }} accept", line)
        if match:
            found |= set(match[1].split(", "))
    return found


def test_what_no_rule_names_is_let_through(rendered: Rendered) -> None:
    for host in HOSTS:
        lines = rules(rendered, host)
        assert "type filter hook input priority filter; policy accept;" in lines
        drops = [line for line in lines if line.endswith("drop")]
        assert [line for line in drops if not line.startswith("tcp dport { ")] == []
        assert not any(re.search(r"\b22\b", line) for line in drops)


def test_answers_and_the_host_itself_are_let_through_before_anything_is_dropped(rendered: Rendered) -> None:
    lines = rules(rendered, "ubuntu-22")
    first_drop = next(number for number, line in enumerate(lines) if line.endswith("drop"))
    assert lines.index('iifname "lo" accept') < first_drop
    assert lines.index("ct state established,related accept") < first_drop


def test_triton_is_for_gateways_and_monitoring(rendered: Rendered) -> None:
    lines = rules(rendered, "ubuntu-22")
    wanted = {HOSTS[host]["ansible_host"] for host in ("debian-bundle", "debian-own", "rhel-9")}
    assert allowed(lines, "8000-8002") == wanted
    assert "tcp dport { 8000-8002 } counter drop" in lines


def test_gateways_are_for_the_balancer_and_monitoring(rendered: Rendered) -> None:
    lines = rules(rendered, "debian-bundle")
    assert allowed(lines, "11441-11456") == {HOSTS[host]["ansible_host"] for host in ("debian", "rhel-9")}
    assert "8000-8002" not in " ".join(lines)


def test_addresses_of_both_families_have_a_rule_of_their_own(rendered: Rendered) -> None:
    lines = rules(rendered, "ubuntu-24")
    assert "tcp dport { 8000-8002 } ip6 saddr { fd00::3 } accept" in lines


def test_everybody_may_call_the_balancer_and_only_monitoring_sees_its_statistics(rendered: Rendered) -> None:
    lines = rules(rendered, "debian")
    assert not any("11434" in line for line in lines)
    assert allowed(lines, "8404") == {HOSTS["rhel-9"]["ansible_host"]}


def test_the_table_is_replaced_in_one_transaction_and_is_the_only_one_that_is_touched(rendered: Rendered) -> None:
    lines = rules(rendered, "debian")
    assert lines[:3] == ["table inet modelyard", "delete table inet modelyard", "table inet modelyard {"]
    assert "flush ruleset" not in rendered["debian"]["firewall"]


def test_the_port_of_ssh_is_refused_before_anything_is_written() -> None:
    names = [task["name"] for task in tools.load(tools.COLLECTION / "roles/base/tasks/preflight.yml")]
    assert "Check that no rule of ours is about the port of SSH" in names
    order = [task["name"] for task in tools.load(tools.COLLECTION / "roles/base/tasks/main.yml")]
    assert order.index("Check what this host needs") < order.index("Firewall")
