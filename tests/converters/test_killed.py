"""A conversion that dies at any moment, or runs beside another, leaves a repository that Triton can serve."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from modelyard.entry import entries_in, entry_at, leftovers, staging_root
from modelyard.manifest import read_manifest, record_files
from tests.converters.conftest import carry_out, plan_for

# Processes that have the libraries loaded already, so that a test can start, and kill, many.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.converters.preloaded"])


def convert_in_process(folder: Path, repository: Path, options: dict[str, object], steps: Path) -> None:
    from converters.convert import convert

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    force = bool(options.pop("force", False))
    with steps.open("a") as told:
        plan = plan_for(folder, repository, **options)
        convert(plan, force=force, on_step=lambda step: print(step, file=told, flush=True))
        print("done", file=told, flush=True)


def start(folder: Path, repository: Path, steps: Path, **options: object) -> BaseProcess:
    process = _PROCESSES.Process(target=convert_in_process, args=(folder, repository, options, steps))
    process.start()
    return process


def wait_for(step: str, steps: Path, process: BaseProcess) -> None:
    while process.is_alive() and not (steps.exists() and step in steps.read_text().split()):
        time.sleep(0.01)


def assert_valid(repository: Path) -> None:
    """Only whole entries: every file is there with the hash of the manifest."""
    for entry in entries_in(repository):
        manifest = read_manifest(entry)
        assert manifest is not None
        assert record_files(entry.folder) == manifest.files
    folders = {path.name for path in repository.iterdir()} if repository.exists() else set()
    assert folders == {entry.name for entry in entries_in(repository)}


@pytest.mark.timeout(180)
def test_a_conversion_killed_at_any_moment_leaves_nothing_that_triton_would_see(
    checkpoint: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    chance = random.Random(11)
    for number, step in enumerate(["export", "compress", "measure", "record", "publish"]):
        steps = tmp_path / f"steps-{number}"
        process = start(checkpoint, repository, steps, name="m", precision="int4")
        wait_for(step, steps, process)
        time.sleep(chance.uniform(0, 0.8 if step in ("export", "measure") else 0.01))
        process.kill()
        process.join()
        assert_valid(repository)
        # The one that was killed before this one has left nothing: what it had begun was cleared away.
        assert len(leftovers(repository).get("m", [])) <= 1
        if entries_in(repository):  # it was quick enough to publish, and what it published is whole
            break
    # By force: where the last one was killed between publishing and clearing up, there is nothing to do otherwise.
    assert not carry_out(checkpoint, repository, name="m", precision="int4", force=True).already
    assert_valid(repository)
    assert [entry.name for entry in entries_in(repository)] == ["m"]
    assert [path.name for path in staging_root(repository).iterdir()] == ["m.lock"]


@pytest.mark.timeout(120)
def test_a_conversion_that_is_stopped_clears_up_behind_itself(checkpoint: Path, tmp_path: Path) -> None:
    repository, steps = tmp_path / "repository", tmp_path / "steps"
    process = start(checkpoint, repository, steps, name="m", precision="int4")
    wait_for("export", steps, process)
    process.terminate()
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM
    assert entries_in(repository) == []
    assert [path.name for path in staging_root(repository).iterdir()] == ["m.lock"]


@pytest.mark.timeout(120)
def test_two_conversions_at_once_of_one_name(checkpoint: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    both = [start(checkpoint, repository, tmp_path / f"steps-{n}", name="m", precision="fp16") for n in (1, 2)]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert_valid(repository)
    told = [(tmp_path / f"steps-{n}").read_text().split() for n in (1, 2)]
    # One of them waited, and found the other's work done.
    assert sorted(map(len, told))[0] <= 2
    assert entry_at(repository, "m").exists()
