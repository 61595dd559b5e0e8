"""The collection passes its linters: ansible-lint with the production profile, and yamllint with warnings as errors."""

from __future__ import annotations

from tests.ansible import tools


def test_ansible_lint_finds_nothing_with_the_production_profile() -> None:
    assert tools.load(tools.COLLECTION / ".ansible-lint")["profile"] == "production"
    done = tools.run("ansible-lint", "--nocolor", "--format=pep8", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr


def test_yamllint_finds_nothing() -> None:
    done = tools.run("yamllint", "--strict", "--format=parsable", ".")
    assert done.returncode == 0, done.stdout + done.stderr
