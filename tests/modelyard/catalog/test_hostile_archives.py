"""An archive that is damaged, or made to do harm, is refused by name, and nothing of it is left anywhere."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.catalog.archive import INDEX, header, padding
from modelyard.catalog.importing import import_stream
from modelyard.catalog.integrity import verify
from modelyard.entry import staging_root
from modelyard.errors import ArchiveDamaged, ModelyardError, NotEnoughDisk
from tests.modelyard.catalog.entries import archive_of, nothing_came


def refused(data: bytes, there: Path, match: str) -> None:
    """Nothing is left of an archive that is refused, in the repository or beside it."""
    with pytest.raises(ArchiveDamaged, match=match):
        import_stream(there, io.BytesIO(data), "the archive")
    assert nothing_came(there)


def changed_index(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The archive with another index, whose checksum is right."""
    size = tarfile.TarInfo.frombuf(data[:512], "utf-8", "strict").size
    content = json.loads(data[512 : 512 + size].partition(b"\n")[2])
    change(content)
    return with_index(json.dumps(content).encode()) + data[512 + size + padding(size) :]


def with_index(text: bytes) -> bytes:
    whole = f"{INDEX} 1 {hashlib.sha256(text).hexdigest()}\n".encode() + text
    return header(INDEX, len(whole)) + whole + bytes(padding(len(whole)))


def test_what_is_no_archive(there: Path, tmp_path: Path) -> None:
    refused(b"", there, "not an archive of a model")
    refused(b"hello", there, "ends too early")
    refused(b"\x1f\x8b" * 1000, there, "not a tar archive")
    foreign = io.BytesIO()
    with tarfile.open(fileobj=foreign, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("readme"))
    refused(foreign.getvalue(), there, "not an archive of a model")


@pytest.mark.parametrize(
    "path", ["../../evil", "/tmp/evil", "1/../../../evil", "", "a\\..\\b", "1/\0", "manifest.json", "config.pbtxt/x"]
)
def test_a_path_out_of_the_entry_is_refused_though_every_checksum_is_right(
    path: str, small: bytes, there: Path
) -> None:
    digest = hashlib.sha256(b"evil").hexdigest()

    def add(content: dict[str, Any]) -> None:
        content["manifest"] = None
        content["files"] = {**content["files"], path: {"size": 4, "sha256": digest}}

    evil = header(f"m/{path}", 4) + b"evil" + bytes(508)
    refused(
        changed_index(small, add)[:-1024] + evil + bytes(1024), there, "cannot be in a model|is a file and a folder"
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_plain_file_is_refused(kind: bytes, small: bytes, there: Path) -> None:
    odd = tarfile.TarInfo("m/1/empty")
    odd.type, odd.linkname = kind, "/etc/passwd"
    plain = header("m/1/empty", 0)
    assert small.count(plain) == 1
    refused(small.replace(plain, odd.tobuf(tarfile.GNU_FORMAT)), there, "'m/1/empty' in it is not a plain file")


def test_members_that_the_index_does_not_name(small: bytes, there: Path) -> None:
    more = header("m/1/more", 4) + b"more" + bytes(508)
    refused(small[:-1024] + more + bytes(1024), there, "'m/1/more', which its index does not name")
    twice = header("m/1/empty", 0)
    refused(small.replace(twice, twice * 2), there, "'m/1/empty' where 1/tokenizer")
    refused(small.replace(twice, header("m/../../x", 0)), there, "'m/../../x' where 1/empty should be")
    refused(small.replace(twice, header("m/1/empty", 5)), there, "1/empty has 5 bytes instead of 0")


def test_an_index_that_says_too_much_takes_no_memory(small: bytes, there: Path) -> None:
    refused(header(INDEX, 2**40), there, "its index has 1099511627776 bytes")
    long = tarfile.TarInfo("x")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 2**40
    refused(long.tobuf(tarfile.GNU_FORMAT), there, "a name that is too long")
    many = changed_index(
        small, lambda content: content.update(files={str(n): {"size": 0, "sha256": ""} for n in range(100_001)})
    )
    refused(many, there, "it has 100001 files")
    huge = changed_index(
        small, lambda content: (content["files"]["config.pbtxt"].update(size=10**20), content.update(manifest=None))
    )
    with pytest.raises(NotEnoughDisk):
        import_stream(there, io.BytesIO(huge), "the archive")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content.update(name="../m"), "cannot name a model"),
        (lambda content: content.update(name=7), "cannot be read"),
        (lambda content: content.update(files=[]), "cannot be read"),
        (lambda content: content.pop("files"), "cannot be read"),
        (lambda content: content["files"].pop("config.pbtxt"), "has no config.pbtxt"),
        (lambda content: content["files"]["1/empty"].update(size=-1), "wrong about 1/empty"),
        (lambda content: content["files"]["1/empty"].update(size=True), "wrong about 1/empty"),
        (lambda content: content["files"]["1/empty"].update(sha256="0"), "name different files"),
        (lambda content: content["manifest"].update(schema_version=99), "a later Modelyard made the model"),
        (lambda content: content["manifest"].update(task=[]), "cannot be read"),
        (lambda content: content.update(manifest="m"), "cannot be read"),
    ],
)
def test_an_index_that_makes_no_sense(
    change: Callable[[dict[str, Any]], object], said: str, small: bytes, there: Path
) -> None:
    refused(changed_index(small, change), there, said)


def test_an_index_that_is_no_json_or_of_later_making(small: bytes, there: Path) -> None:
    refused(with_index(b"{"), there, "cannot be read")
    refused(with_index(b"[" * 100_000), there, "cannot be read")
    refused(with_index(b"null"), there, "cannot be read")
    refused(small.replace(f"{INDEX} 1 ".encode(), f"{INDEX} 2 ".encode()), there, "a later Modelyard made it")


def test_the_checksum_is_found_wrong_even_when_the_index_is_consistent(small: bytes, there: Path) -> None:
    other = changed_index(
        small,
        lambda content: (content["files"]["1/empty"].update(sha256="0" * 64), content.update(manifest=None)),
    )
    refused(other, there, "the SHA-256 of 1/empty is not the one that was recorded")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_to_its_bytes_the_same_model_comes_out_or_a_named_error(data: Any, small: bytes) -> None:
    broken = bytearray(small)
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(small) - 1), st.integers(0, 255)), max_size=3)):
        broken[place] = value
    broken = broken[: data.draw(st.one_of(st.just(len(small)), st.integers(0, len(small))))]
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        try:
            made = import_stream(repository, io.BytesIO(bytes(broken)), "the archive")
        except ModelyardError:
            assert nothing_came(repository)
        else:
            assert made.name == "m"
            assert verify(repository, "m").good
            assert archive_of(made.entry) == small
            (lock,) = (path for path in Path(folder).rglob("*") if path.is_file() and repository not in path.parents)
            assert lock == staging_root(repository) / "m.lock"


def test_every_cut_is_noticed(small: bytes, there: Path) -> None:
    end = len(small) - 2 * 512  # the two blocks that say that nothing follows
    for cut in {*range(0, end, 509), end - 1}:
        refused(small[:cut], there, "cannot be imported")
