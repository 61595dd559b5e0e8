"""A process that copies, imports and removes may be killed at any moment: what is installed is whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from modelyard.catalog.exporting import export_to
from modelyard.catalog.garbage import half_conversions
from modelyard.catalog.integrity import candidates, verify
from modelyard.entry import staging_root
from tests.modelyard.catalog.entries import LARGE, content_of, write_entry

ROOT = Path(__file__).resolve().parents[3]
_WORK = """
import sys
from pathlib import Path
from modelyard.catalog.copying import copy
from modelyard.catalog.importing import import_from
from modelyard.catalog.removal import remove
repository = Path(sys.argv[1])
print("at work", flush=True)
while True:
    copy(repository, "m", "copy", force=True)
    import_from(repository, Path(sys.argv[2]), name="imported", force=True)
    remove(repository, "copy")
    remove(repository, "imported")
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    repository, chance = tmp_path / "repository", random.Random(11)
    write_entry(repository, "m", weights=LARGE)
    export_to(repository, "m", tmp_path / "m.tar")
    before, left, rounds = content_of(repository / "m"), 0, 0
    while rounds < 10 or not left:  # until a kill came in the middle of something, however slow the machine is
        rounds += 1
        process = subprocess.Popen(
            [sys.executable, "-c", _WORK, str(repository), str(tmp_path / "m.tar")], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert process.stdout is not None
        process.stdout.readline()
        while rounds > 5 and not list(staging_root(repository).glob("*+*/*/1")):
            assert process.poll() is None
        time.sleep(chance.uniform(0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        names = candidates(repository)
        assert set(names) <= {"m", "copy", "imported"}
        assert all(verify(repository, name).good for name in names)
        left += len(half_conversions(repository, dry_run=rounds % 2 == 0))
    assert content_of(repository / "m") == before
    half_conversions(repository, dry_run=False)
    assert list(staging_root(repository).glob("*+*")) == []
