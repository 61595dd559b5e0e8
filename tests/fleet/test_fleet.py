"""The life of a fleet, told in order: hosts with nothing on them, a service, a growing and an ageing one.

The tests share one fleet and each goes on from where the one before it stopped, as an operator's months do.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.fleet import releases
from tests.fleet.control import ROOT, Control
from tests.fleet.traffic import Traffic, ask, traffic
from tests.fleet.waiting import eventually

pytestmark = pytest.mark.timeout(3600)  # images and hosts are made before the first test begins


# Who else hears of a model server that comes or goes: who asks it, and who watches it.
TOLD = {"gateway", "balancer"}


def up(control: Control) -> dict[str, float]:
    """What the gateway says of each Triton: 1 when it answers."""
    host = control.fleet.hosts["gateway"]
    page = httpx.get(
        f"http://{host.address}:11441/metrics", headers={"Authorization": f"Bearer {control.api_key}"}, timeout=10
    ).text
    return {
        url: float(value) for url, value in re.findall(r'modelyard_gateway_triton_up\{triton="(.+?)"\} (\S+)', page)
    }


def requests_of(control: Control, host: str) -> float:
    """Requests that this host's Triton has answered."""
    page = httpx.get(f"http://{control.fleet.hosts[host].address}:8002/metrics", timeout=10).text
    return sum(float(value) for value in re.findall(r"^modelyard_requests_total\{.*\} (\S+)$", page, re.MULTILINE))


def comes_to_answer(control: Control, host: str) -> bool:
    """Whether this host's Triton answers some of the questions that differ: which one does is the gateways' choice."""
    before, numbers = requests_of(control, host), itertools.count()

    def one_more() -> bool:
        assert ask(control.url, control.api_key, f"What is {next(numbers)} + 1?").error == ""
        return requests_of(control, host) > before

    return eventually(one_more)


def none_lost(seen: Traffic, at_least: int) -> None:
    broken = seen.broken()
    assert broken == [], f"{len(broken)} of {len(seen.answers)}, among them {broken[:3]}"
    assert len(seen.answers) >= at_least


def test_check_mode_tells_and_does_nothing_on_bare_hosts(control: Control) -> None:
    play = control.play("site.yml", "--check", "--diff")
    assert set(play.changed) == {"balancer", "gateway", "model-1", "model-2"}
    for host in control.fleet.hosts.values():
        programs = "docker haproxy prometheus modelyard-backup"
        assert host.run(f"for name in {programs}; do command -v $name; done; ls /etc/modelyard; true") == ""


def test_bare_hosts_become_a_service(control: Control) -> None:
    control.play("site.yml")
    answer = ask(control.url, control.api_key)
    assert (answer.status, answer.error, answer.finish_reason) == (200, "", "length")
    assert "Modelyard" in answer.text
    assert ask(control.url, "not-the-key").status == 401
    assert list(up(control).values()) == [1, 1]


def test_a_second_run_changes_nothing(control: Control) -> None:
    # Nothing is to be replaced, so nobody need wait for the others.
    play = control.play("site.yml", modelyard_serial="100%")
    assert play.changed == {}, play.changes()


def test_nobody_else_on_a_host_sees_the_key(control: Control) -> None:
    for host in control.fleet.hosts.values():
        assert control.api_key not in host.run("cat /proc/[0-9]*/cmdline; journalctl --no-pager")
        search = "runuser -u nobody -- grep -rlIf - -s /etc /opt /run /tmp /var/lib/modelyard /var/log || true"
        host.run("install --mode=644 /dev/stdin /tmp/left-behind", stdin=control.api_key)  # which the search must find
        assert host.run(search, stdin=control.api_key).split() == ["/tmp/left-behind"]
        host.run("rm /tmp/left-behind")


def test_every_host_is_watched(control: Control) -> None:
    # Prometheus listens on loopback, where it asks nobody for a key.
    watch = control.fleet.hosts[control.groups["monitoring"][0]]

    def told(path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(watch.run(f"curl --silent --fail 'http://127.0.0.1:9090/api/v1/{path}'"))
        data: dict[str, Any] = answer["data"]
        return data

    def targets() -> list[tuple[str, str]]:
        return [(target["labels"]["job"], target["health"]) for target in told("targets?state=active")["activeTargets"]]

    # Two gateways, two Tritons, the balancer, each of the four hosts, and Prometheus itself.
    wanted = {"gateway": 2, "triton": 2, "balancer": 1, "host": 4}
    everyone = Counter({f"modelyard-{job}": count for job, count in wanted.items()} | {"prometheus": 1})
    assert eventually(lambda: Counter(targets()) == Counter({(job, "up"): count for job, count in everyone.items()}))
    rules = [rule["name"] for group in told("rules?type=alert")["groups"] for rule in group["rules"]]
    written = "".join(path.read_text() for path in (ROOT / "deploy/monitoring/prometheus/rules").glob("*.yml"))
    assert sorted(rules) == sorted(re.findall(r"alert: (\S+)", written))


def test_copies_are_made_by_a_timer_and_can_be_read(control: Control) -> None:
    for name, lost in (
        ("gateway", "etc/modelyard/secrets/api_key"),
        ("model-1", "var/lib/modelyard/models/demo/manifest.json"),
    ):
        host = control.fleet.hosts[name]
        timer = host.run("systemctl is-enabled modelyard-backup.timer; systemctl is-active modelyard-backup.timer")
        assert timer.split() == ["enabled", "active"]
        host.run("systemctl start modelyard-backup.service")  # ends when the copy is made
        assert host.run("modelyard-backup list").strip().endswith(".tar.zst")
        host.run("modelyard-backup check && mkdir /root/look && modelyard-backup restore latest /root/look")
        assert host.run(f"stat --format '%a %u %g' /{lost}") == host.run(f"stat --format '%a %u %g' /root/look/{lost}")
        host.run(f"cmp /{lost} /root/look/{lost} && rm -r /root/look")
        assert "modelyard_backup_last_success_seconds " in host.run("curl --silent http://127.0.0.1:9100/metrics")


def test_a_third_model_server_joins_by_one_line(control: Control) -> None:
    control.fleet.add("model-3")
    control.groups["model_servers"].append("model-3")
    with traffic(control.url, control.api_key) as seen:
        play = control.play("site.yml")
    none_lost(seen, at_least=6)
    assert set(play.changed) == {"model-3", *TOLD}, play.changes()
    assert eventually(lambda: list(up(control).values()) == [1, 1, 1])
    assert comes_to_answer(control, "model-3")


def test_upgrade_under_live_streams_loses_none(control: Control) -> None:
    control.variables["modelyard_version"] = releases.NEXT
    # A run that was broken off has left all but one off the list; the upgrade takes that one first.
    others = f"/{control.fleet.hosts['model-1'].address}:/! s/^grpc/# drained grpc/"
    control.fleet.hosts["gateway"].run(f"sed -i '{others}' /etc/modelyard/tritons")
    with traffic(control.url, control.api_key, clients=5) as seen:
        control.play("upgrade.yml")
    none_lost(seen, at_least=24)
    assert {control.versions(host)["triton"] for host in control.groups["model_servers"]} == {releases.NEXT}
    assert control.versions("gateway")["gateway"] == releases.NEXT


def test_a_version_that_gives_no_answer_goes_back_by_itself(control: Control) -> None:
    with traffic(control.url, control.api_key) as seen:
        play = control.play("upgrade.yml", succeeds=False, modelyard_version=releases.MUTE)
    none_lost(seen, at_least=6)
    assert "No host was upgraded before it." in play.output
    assert {control.versions(host)["triton"] for host in control.groups["model_servers"]} == {releases.NEXT}
    assert set(up(control).values()) == {1}


def test_rollback_takes_the_fleet_to_the_version_before(control: Control) -> None:
    with traffic(control.url, control.api_key) as seen:
        control.play("rollback.yml")
    none_lost(seen, at_least=6)
    control.variables["modelyard_version"] = releases.FIRST
    assert {control.versions(host)["triton"] for host in control.groups["model_servers"]} == {releases.FIRST}
    assert control.versions("gateway")["gateway"] == releases.FIRST


def test_site_refuses_to_change_the_version(control: Control) -> None:
    play = control.play("site.yml", succeeds=False, modelyard_version=releases.NEXT)
    assert "run playbooks/upgrade.yml" in play.output
    assert play.changed == {}


def test_models_are_published_and_retired(control: Control) -> None:
    models = control.variables["modelyard_models"]
    assert isinstance(models, list)
    demo, second = models
    headers = {"Authorization": f"Bearer {control.api_key}"}

    def served() -> list[str]:
        listed = httpx.get(f"{control.url}/v1/models", headers=headers, timeout=30).json()
        return sorted(model["id"] for model in listed["data"])

    assert served() == ["demo", "second"]
    control.variables["modelyard_models"] = [demo, {**demo, "name": "third"}, {**second, "state": "absent"}]
    with traffic(control.url, control.api_key) as seen:
        control.play("models.yml")
    none_lost(seen, at_least=12)
    assert eventually(lambda: served() == ["demo", "third"])
    control.variables["modelyard_models"] = [demo, {**demo, "name": "third"}]


def test_a_killed_model_server_is_done_without_and_heals_at_boot(control: Control) -> None:
    lost, count = control.fleet.hosts["model-2"], len(control.groups["model_servers"])
    with traffic(control.url, control.api_key) as seen:
        assert eventually(lambda: len(seen.answers) >= 6)
        lost.kill()
        assert eventually(lambda: sum(up(control).values()) == count - 1)
        # A stream that had begun on the host that is gone may end, with an error that says so; nothing else may fail.
        for answer in seen.broken():
            print(f"while the host went: {answer}")
            assert answer.status == 200, answer
            assert answer.text, answer
            assert answer.error, answer
        broken, done = len(seen.broken()), len(seen.answers)
        assert eventually(lambda: len(seen.answers) >= done + 12)
        lost.boot()
        assert eventually(lambda: sum(up(control).values()) == count)
    assert len(seen.broken()) <= broken + 3  # those that were being read when it was counted: one for each client
    with traffic(control.url, control.api_key) as again:
        assert comes_to_answer(control, "model-2")
    assert again.broken() == []


def test_verify_names_what_is_wrong(control: Control) -> None:
    control.fleet.hosts["model-3"].run("docker stop --time 0 modelyard-triton")
    play = control.play("verify.yml", succeeds=False)
    assert "model-3: Triton is not ready" in play.output
    control.fleet.hosts["model-3"].run("docker start modelyard-triton")
    assert eventually(lambda: list(up(control).values()) == [1, 1, 1])


def test_a_model_server_leaves_drained(control: Control) -> None:
    control.groups["retired"] = ["model-3"]
    with traffic(control.url, control.api_key) as seen:
        play = control.play("site.yml")
    none_lost(seen, at_least=6)
    assert set(play.changed) == {"model-3", *TOLD}, play.changes()
    assert list(up(control).values()) == [1, 1]
    assert control.fleet.hosts["model-3"].run("docker ps --quiet") == ""
    control.groups["model_servers"].remove("model-3")
    control.groups["retired"] = []
    control.fleet.remove("model-3")


def test_every_host_comes_back_after_a_reboot(control: Control) -> None:
    # As on RHEL, whose package makes no folder for HAProxy's socket.
    control.fleet.hosts["balancer"].run("rm /usr/lib/tmpfiles.d/haproxy.conf")
    for name in ("model-1", "gateway", "balancer"):
        control.fleet.hosts[name].reboot()
    assert eventually(lambda: ask(control.url, control.api_key).status == 200)
    assert eventually(lambda: list(up(control).values()) == [1, 1])
    socket = control.fleet.hosts["balancer"].run("stat --format '%U %G %a' /run/haproxy/admin.sock")
    assert socket.split() == ["root", "haproxy", "660"]
    control.play("verify.yml")


def test_teardown_asks_and_leaves_the_models(control: Control) -> None:
    refused = control.play("teardown.yml", succeeds=False)
    assert "add -e modelyard_teardown=yes" in refused.output
    assert ask(control.url, control.api_key).status == 200
    control.play("teardown.yml", modelyard_teardown="yes")
    for host in control.fleet.hosts.values():
        left = "/etc/modelyard /opt/modelyard /etc/systemd/system/*modelyard* /etc/*/*modelyard* /etc/*/*/*modelyard*"
        assert host.run(f"ls -d {left}; true") == ""
        programs = "haproxy prometheus prometheus-node-exporter modelyard-backup"
        assert host.run(f"for name in {programs}; do command -v $name; done; true") == ""
        assert "modelyard" not in host.run(
            "nft list tables; systemctl list-units --all --plain --no-legend 'modelyard*'"
        )
    for name in ("gateway", "model-1", "model-2"):
        assert control.fleet.hosts[name].run("docker ps --all --quiet; docker image ls --quiet") == ""
    assert control.fleet.hosts["model-1"].run("ls /var/lib/modelyard/models").split() == ["demo", "third"]
