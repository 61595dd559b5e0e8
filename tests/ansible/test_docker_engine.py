"""What docker_engine installs and configures on each kind of host."""

from __future__ import annotations

from typing import Any

from tests.ansible import tools
from tests.ansible.conftest import Rendered


def test_debian_and_bundles_take_the_package_of_the_distribution(rendered: Rendered) -> None:
    for host in ("debian", "debian-bundle", "ubuntu-24"):
        assert rendered[host]["docker_source"] == "distribution"
        assert "docker.io" in rendered[host]["docker_packages"]


def test_the_rhel_family_takes_dockers_own_packages(rendered: Rendered, docker: Any) -> None:
    assert rendered["rocky-9"]["docker_source"] == "vendor"
    assert rendered["rocky-9"]["docker_packages"] == docker["engine"]["packages"]
    assert f"baseurl={docker['engine']['centos']}" in rendered["rocky-9"]["docker_repo"].splitlines()
    assert f"baseurl={docker['engine']['rhel']}" in rendered["rhel-9"]["docker_repo"].splitlines()
    assert "gpgcheck=1" in rendered["rhel-9"]["docker_repo"].splitlines()


def test_dockers_repository_for_debian_is_signed_by_dockers_key(rendered: Rendered, docker: Any) -> None:
    wanted = docker["engine"]["debian"]
    lines = rendered["debian"]["docker_sources"].splitlines()
    assert f"URIs: {wanted['uri']}" in lines
    assert f"Suites: {wanted['suite']}" in lines
    assert f"Components: {wanted['component']}" in lines
    assert f"Signed-By: {docker['engine']['keyring']}" in lines


def test_logs_rotate_and_containers_outlive_the_engine(rendered: Rendered) -> None:
    daemon = rendered["debian"]["docker_daemon"]
    assert daemon["log-opts"] == {"max-size": "20m", "max-file": "5"}
    assert daemon["live-restore"] is True


def test_the_proxy_and_what_goes_without_it_are_in_the_units_environment(rendered: Rendered) -> None:
    lines = [line for line in rendered["debian-bundle"]["docker_proxy"].splitlines() if not line.startswith("#")]
    assert lines == [
        "[Service]",
        'Environment="HTTPS_PROXY=http://proxy.example:3128"',
        'Environment="NO_PROXY=10.0.0.0/8,.example"',
    ]


def test_the_proxys_keys_are_words() -> None:
    """YAML 1.1 reads a bare `no` as false, and nobody can set that."""
    spec = tools.load(tools.COLLECTION / "roles/docker_engine/meta/argument_specs.yml")
    assert set(spec["argument_specs"]["main"]["options"]["docker_engine_proxy"]["options"]) == {
        "http",
        "https",
        "no_proxy",
    }
