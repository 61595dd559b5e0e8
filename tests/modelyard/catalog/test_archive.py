"""A model goes into one file and comes out as it was, and only what is whole goes in."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.catalog import exporting, importing
from modelyard.catalog.archive import INDEX
from modelyard.catalog.exporting import export_to
from modelyard.catalog.importing import import_from, import_stream
from modelyard.catalog.integrity import verify
from modelyard.entry import Entry, entries_in, staging_root
from modelyard.errors import (
    ArchiveDamaged,
    EntryDamaged,
    EntryExists,
    EntryNotFound,
    FileExists,
    InvalidInput,
    NotEnoughDisk,
    SourceUnavailable,
)
from modelyard.manifest import read_manifest
from tests.modelyard.catalog.entries import LARGE, archive_of, content_of, nothing_came, write_entry

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path / "here" / "repository", "m", weights=LARGE)
    return tmp_path / "here" / "repository"


def test_a_model_comes_out_as_it_was(repository: Path, there: Path, tmp_path: Path) -> None:
    index = export_to(repository, "m", tmp_path / "m.tar")
    assert (index.name, len(index.files)) == ("m", 4)
    made = import_from(there, tmp_path / "m.tar")
    assert made.manifest == read_manifest(Entry(repository / "m"))
    assert content_of(there / "m") == content_of(repository / "m")
    assert verify(there, "m").good
    assert [path.name for path in staging_root(there).iterdir()] == ["m.lock"]


def test_the_same_model_gives_the_same_archive_byte_for_byte(repository: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_to(repository, "m", tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_any_tar_unpacks_it(repository: Path, tmp_path: Path) -> None:
    long = repository / "m" / "1" / ("x" * 120) / ("y" * 120)
    long.parent.mkdir()
    long.write_text("a long name")
    (repository / "m" / "manifest.json").unlink()
    export_to(repository, "m", tmp_path / "m.tar")
    subprocess.run(["tar", "-xf", tmp_path / "m.tar", "-C", tmp_path], check=True)
    assert content_of(tmp_path / "m") == content_of(repository / "m")
    with tarfile.open(tmp_path / "m.tar") as archive:
        assert archive.getnames()[0] == INDEX


def test_another_name_here(repository: Path, there: Path, tmp_path: Path) -> None:
    export_to(repository, "m", tmp_path / "m.tar")
    assert import_from(there, tmp_path / "m.tar", name="other").name == "other"
    assert verify(there, "other").good
    assert [entry.name for entry in entries_in(there)] == ["other"]


def test_a_model_without_a_manifest_and_with_long_names(tmp_path: Path, there: Path) -> None:
    entry = write_entry(tmp_path / "here", "by-hand", manifest=False)
    (entry.version_folder / ("é" * 120)).write_text("a long name")
    made = import_stream(there, io.BytesIO(archive_of(entry)), "the archive")
    assert made.manifest is None
    assert content_of(there / "by-hand") == content_of(entry.folder)


def test_what_is_there_is_replaced_only_on_demand(repository: Path, small: bytes) -> None:
    before = content_of(repository / "m")
    with pytest.raises(EntryExists):
        import_stream(repository, io.BytesIO(small), "the archive")
    assert content_of(repository / "m") == before
    import_stream(repository, io.BytesIO(small), "the archive", force=True)
    assert (repository / "m/1/weights.bin").stat().st_size == 700
    assert verify(repository, "m").good


def test_a_damaged_archive_leaves_the_model_that_it_was_to_replace(repository: Path, small: bytes) -> None:
    before = content_of(repository / "m")
    with pytest.raises(ArchiveDamaged):
        import_stream(repository, io.BytesIO(small[:-2000]), "the archive", force=True)
    assert content_of(repository / "m") == before


def test_a_damaged_model_is_not_exported(repository: Path, tmp_path: Path) -> None:
    weights = repository / "m/1/weights.bin"
    good = weights.read_bytes()
    for damage, said in (
        (lambda: weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1])), "1/weights.bin has changed"),
        (lambda: weights.write_bytes(good[:-1]), "1/weights.bin has changed"),
        (lambda: weights.write_bytes(good + b"x"), "1/weights.bin has changed"),
        (weights.unlink, "1/weights.bin is missing"),
        (lambda: weights.symlink_to("/etc/passwd"), "1/weights.bin cannot go into an archive"),
        (lambda: (repository / "m/1/added").touch(), "1/added is not in the manifest"),
        (lambda: (repository / "m/manifest.json").write_text("{"), "manifest.json cannot be read"),
    ):
        damage()
        with pytest.raises(EntryDamaged, match=said):
            export_to(repository, "m", tmp_path / "m.tar")
        assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_file_that_is_there_is_replaced_only_on_demand(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "m.tar").write_text("precious")
    with pytest.raises(FileExists):
        export_to(repository, "m", tmp_path / "m.tar")
    with pytest.raises(InvalidInput, match="is a folder"):
        export_to(repository, "m", tmp_path, force=True)
    with pytest.raises(EntryNotFound):
        export_to(repository, "none", tmp_path / "m.tar", force=True)
    assert (tmp_path / "m.tar").read_text() == "precious"
    export_to(repository, "m", tmp_path / "m.tar", force=True)
    assert tarfile.is_tarfile(tmp_path / "m.tar")


def test_a_full_disk_is_said_before_anything_is_written(
    repository: Path, there: Path, small: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "free_disk", lambda folder: 100)
    monkeypatch.setattr(exporting, "free_disk", lambda folder: 100)
    with pytest.raises(NotEnoughDisk):
        import_stream(there, io.BytesIO(small), "the archive")
    assert nothing_came(there)
    with pytest.raises(NotEnoughDisk):
        export_to(repository, "m", tmp_path / "m.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


# Files may not grow beyond a limit in this process: a write fails in the middle, as on a disk that is full.
_LIMITED = """
import resource, signal, sys
from pathlib import Path
import errno
from modelyard.catalog import exporting, importing
from modelyard.errors import NotEnoughDisk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
errno.EDQUOT = errno.EFBIG
try:
    if sys.argv[1] == "export":
        exporting.export_to(Path(sys.argv[2]), "m", Path(sys.argv[3]))
    else:
        importing.import_from(Path(sys.argv[2]), Path(sys.argv[3]))
except NotEnoughDisk as error:
    print(error)
"""


def test_a_disk_that_fills_up_meanwhile(repository: Path, there: Path, tmp_path: Path) -> None:
    export_to(repository, "m", tmp_path / "m.tar")
    for direction, folder, file in (("export", repository, "other.tar"), ("import", there, "m.tar")):
        command = [sys.executable, "-c", _LIMITED, direction, str(folder), str(tmp_path / file)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert "needs about" in shown.stdout, shown.stderr
    assert nothing_came(there)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "m.tar", "there"]


def test_a_file_that_is_not_there(there: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="No such file"):
        import_from(there, tmp_path / "none.tar")
    with pytest.raises(SourceUnavailable, match="Is a directory"):
        import_from(there, tmp_path)


def test_a_manifest_is_carried_with_all_that_it_says(tmp_path: Path, there: Path) -> None:
    entry = write_entry(tmp_path / "here", "m")
    before = read_manifest(entry)
    assert before is not None
    made = import_stream(there, io.BytesIO(archive_of(entry)), "the archive", name="n")
    assert made.manifest == replace(before, name="n")
    assert [path.name for path in there.iterdir()] == ["n"]
