"""What was measured on a host is kept for that host, and a file that is damaged is as good as none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard import host, measurements
from modelyard.entry import staging_root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def file_of(repository: Path) -> Path:
    return staging_root(repository) / measurements.FILE


def test_nothing_is_known_at_first(repository: Path) -> None:
    assert measurements.recall(repository) == {}


def test_figures_are_joined_key_by_key(repository: Path) -> None:
    measurements.remember(repository, targets={"a": 1}, bandwidth=5)
    measurements.remember(repository, targets={"b": 2})
    assert measurements.recall(repository) == {"bandwidth": 5, "targets": {"a": 1, "b": 2}}
    assert [path.name for path in staging_root(repository).glob(".measurements-*")] == []


def test_another_processor_has_figures_of_its_own(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measurements.remember(repository, bandwidth=5)
    monkeypatch.setattr(measurements, "cpu_name", lambda: "another x8")
    assert measurements.recall(repository) == {}
    measurements.remember(repository, bandwidth=7)
    monkeypatch.undo()
    assert measurements.recall(repository) == {"bandwidth": 5}


@given(content=st.one_of(st.binary(max_size=60), st.sampled_from([b"[]", b'{"x": 1}', b"[" * 100_000])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_damaged_file_is_as_good_as_none(repository: Path, content: bytes) -> None:
    file_of(repository).parent.mkdir(exist_ok=True, parents=True)
    file_of(repository).write_bytes(content)
    assert measurements.recall(repository) == {}
    measurements.remember(repository, bandwidth=3)
    assert measurements.recall(repository) == {"bandwidth": 3}


def test_the_bandwidth_is_measured_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([11.0, 12.0])
    monkeypatch.setattr(host, "memory_bandwidth", lambda: next(answers))
    assert [measurements.bandwidth(repository) for _ in range(2)] == [11.0, 11.0]
    assert measurements.bandwidth(repository, anew=True) == 12.0


@pytest.mark.parametrize("known", [0, -4, True, "fast", None])
def test_a_bandwidth_that_is_none_is_measured_again(
    repository: Path, known: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurements.remember(repository, bandwidth=known)
    monkeypatch.setattr(host, "memory_bandwidth", lambda: 11.0)
    assert measurements.bandwidth(repository) == 11.0


def test_this_host_reads_its_memory() -> None:
    assert 1e8 < host.memory_bandwidth() < 1e13
    assert host.cpu_name().endswith(f" x{host.threads()}")


def test_what_no_cache_holds_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for level, size in enumerate(("48K", "2048K", "491520K", "?")):
        folder = tmp_path / f"index{level}"
        folder.mkdir()
        (folder / "size").write_text(f"{size}\n")
    monkeypatch.setattr(host, "_CACHES", tmp_path)
    monkeypatch.setattr(host, "free_memory", lambda: 64 * 2**30)
    assert host.uncached() == 720 * 2**20
    monkeypatch.setattr(host, "free_memory", lambda: 2**30)
    assert host.uncached() == 128 * 2**20
    monkeypatch.setattr(host, "free_memory", lambda: 64 * 2**30)
    monkeypatch.setattr(host, "_CACHES", tmp_path / "none")
    assert host.uncached() == 96 * 2**20
