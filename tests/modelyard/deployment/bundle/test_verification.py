"""A bundle that was damaged or tampered with in every way that we could think of, as a file and as a folder."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelyard.deployment.bundle import layout
from modelyard.deployment.bundle.opened import opened
from modelyard.deployment.bundle.verification import Verified, verify
from modelyard.deployment.errors import BundleDamaged, BundleUntrusted
from modelyard.errors import SourceUnavailable
from tests.modelyard.deployment.bundle.conftest import CONTENT, Keys, make_keys, write_bundle


def check(place: Path, key: Path | None, *, allow_unsigned: bool = False) -> Verified:
    with opened(place) as bundle:
        return verify(bundle, key, allow_unsigned=allow_unsigned)


def problems(place: Path, key: Path) -> tuple[str, ...]:
    with pytest.raises(BundleDamaged) as refused:
        check(place, key)
    return refused.value.problems


def rewritten(bundle: Path, change: Callable[[str, bytes], Iterator[tuple[tarfile.TarInfo, bytes]]]) -> Path:
    """The same tar with each file as `change` has it."""
    altered = bundle.with_name("altered.tar")
    with tarfile.open(bundle) as source, tarfile.open(altered, "w", format=tarfile.GNU_FORMAT) as target:
        for member in source:
            data = source.extractfile(member)
            assert data is not None
            for info, content in change(member.name, data.read()):
                info.size = len(content) if info.isreg() else 0
                target.addfile(info, io.BytesIO(content))
    return altered


def plain(name: str, data: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    yield tarfile.TarInfo(name), data


def unpacked(bundle: Path) -> Path:
    folder = bundle.with_name("unpacked")
    with tarfile.open(bundle) as tar:
        tar.extractall(folder)
    return folder


def test_a_good_bundle_is_good_as_a_file_and_as_a_folder(signed: Path, keys: Keys) -> None:
    for place in (signed, unpacked(signed)):
        verified = check(place, keys.public)
        assert verified.signed
        assert set(verified.digests) == {*CONTENT, layout.MANIFEST}
        assert verified.manifest.version == "1.0"


def test_tar_packs_it_again_and_it_is_as_good(signed: Path, keys: Keys) -> None:
    assert check(rewritten(signed, plain), keys.public).signed


def test_each_byte_of_each_file_counts(signed: Path, keys: Keys) -> None:
    for victim in [*CONTENT, layout.MANIFEST]:

        def flip(name: str, data: bytes, victim: str = victim) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
            yield tarfile.TarInfo(name), data[:-1] + bytes([data[-1] ^ 1]) if name == victim else data

        assert problems(rewritten(signed, flip), keys.public) == (f"{victim} was altered",)


def test_an_altered_list_is_found_by_the_signature_before_any_file_is_read(signed: Path, keys: Keys) -> None:
    def list_another(name: str, data: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        if name == layout.CHECKSUMS:
            data = data.replace(b"  install.sh", b"  install.SH")
        yield tarfile.TarInfo(name), b"evil" if name == "install.sh" else data

    with pytest.raises(BundleUntrusted, match="its list of files was altered"):
        check(rewritten(signed, list_another), keys.public)


def test_missing_and_extra_files_are_named_together(signed: Path, keys: Keys) -> None:
    def swap(name: str, data: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        yield tarfile.TarInfo("deploy/extra.yml" if name == "models/m.tar" else name), data

    assert problems(rewritten(signed, swap), keys.public) == (
        "models/m.tar is missing",
        "deploy/extra.yml is in it and not in its list",
    )
    folder = unpacked(signed)
    (folder / "models/m.tar").rename(folder / "deploy/extra.yml")
    assert len(problems(folder, keys.public)) == 2


def test_a_file_that_is_there_twice_is_refused(signed: Path, keys: Keys) -> None:
    def twice(name: str, data: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        yield tarfile.TarInfo(name), data
        if name == "install.sh":
            yield tarfile.TarInfo(name), b"evil"

    assert problems(rewritten(signed, twice), keys.public) == ("install.sh is in it twice",)


@pytest.mark.parametrize(
    "path", ["../outside", "deploy/../../outside", "/etc/cron.d/evil", "./install.sh", "deploy//x", "deploy\\x", "a\nb"]
)
def test_paths_that_lead_out_are_refused(signed: Path, keys: Keys, path: str) -> None:
    def add(name: str, data: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        yield tarfile.TarInfo(name), data
        if name == "install.sh":
            yield tarfile.TarInfo(path), b"evil"

    (problem,) = problems(rewritten(signed, add), keys.public)
    assert "is not a path that a bundle may have" in problem


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.CONTTYPE]
)
def test_what_is_no_plain_file_is_refused(signed: Path, keys: Keys, kind: bytes) -> None:
    def add(name: str, data: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
        yield tarfile.TarInfo(name), data
        if name == "install.sh":
            odd = tarfile.TarInfo("deploy/odd")
            odd.type, odd.linkname = kind, "/etc/passwd"
            yield odd, b""

    (problem,) = problems(rewritten(signed, add), keys.public)
    assert "is not a plain file" in problem


def test_links_in_a_folder_are_refused(signed: Path, keys: Keys) -> None:
    folder = unpacked(signed)
    (folder / "install.sh").unlink()
    (folder / "install.sh").symlink_to("/bin/sh")
    (folder / "deploy/elsewhere").symlink_to("/etc")
    assert set(problems(folder, keys.public)) == {
        "install.sh is not a plain file",
        "deploy/elsewhere is not a plain file",
    }


def test_wherever_it_was_cut_off_is_found(signed: Path, keys: Keys) -> None:
    whole = signed.read_bytes()
    cut = signed.with_name("cut.tar")
    lengths = [*range(0, len(whole), 509), *range(0, len(whole), 512), len(whole) - 512, len(whole) - 1]
    for length in lengths:
        cut.write_bytes(whole[:length])
        with pytest.raises(BundleDamaged) as refused:
            check(cut, keys.public)
        assert refused.value.problems


def test_something_appended_is_found(signed: Path, keys: Keys) -> None:
    with signed.open("ab") as stream:
        stream.write(b"more")
    assert problems(signed, keys.public) == ("something was appended to it",)


def test_a_key_of_somebody_else_is_refused(signed: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(BundleUntrusted) as refused:
        check(signed, make_keys(tmp_path / "other").public)
    assert "another way than the bundle came" in refused.value.hint


def test_without_a_signature_it_must_be_said(tmp_path: Path, keys: Keys) -> None:
    bundle = write_bundle(tmp_path / "unsigned.tar", None)
    with pytest.raises(BundleUntrusted, match="not signed"):
        check(bundle, keys.public)
    with pytest.raises(BundleUntrusted, match="no key was given"):
        check(bundle, None)
    assert not check(bundle, None, allow_unsigned=True).signed


def test_allowing_unsigned_does_not_switch_a_given_key_off(tmp_path: Path, keys: Keys) -> None:
    bundle = write_bundle(tmp_path / "unsigned.tar", None)
    with pytest.raises(BundleUntrusted, match="not signed"):
        check(bundle, keys.public, allow_unsigned=True)


def test_without_a_signature_damage_is_found_all_the_same(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "unsigned.tar", None)
    data = bytearray(bundle.read_bytes())
    data[data.index(b"weights")] ^= 1
    bundle.write_bytes(data)
    with pytest.raises(BundleDamaged, match=r"models/m\.tar was altered"):
        check(bundle, None, allow_unsigned=True)


def test_other_files_are_no_bundles(tmp_path: Path, keys: Keys) -> None:
    for content in (b"", b"text", bytes(4096), b"\x1f\x8b" + bytes(600)):
        (tmp_path / "odd").write_bytes(content)
        with pytest.raises(BundleDamaged):
            check(tmp_path / "odd", keys.public)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleDamaged, match="SHA256SUMS is missing"):
        check(tmp_path / "empty", keys.public)
    with pytest.raises(SourceUnavailable):
        check(tmp_path / "absent", keys.public)


@pytest.mark.parametrize(
    "line", [b"short  x\n", b"a" * 64 + b" x\n", b"a" * 64 + b"  ../x\n", b"\\" + b"a" * 64 + b"  x\n"]
)
def test_an_odd_line_in_the_list_is_refused_though_signed(tmp_path: Path, keys: Keys, line: bytes) -> None:
    from modelyard.deployment.bundle import signature
    from modelyard.deployment.bundle.archive import BundleWriter, written_whole

    with written_whole(tmp_path / "odd.tar") as stream:
        writer = BundleWriter(stream)
        writer.add(layout.CHECKSUMS, [line])
        writer.add(layout.SIGNATURE, [signature.read_private(keys.private).sign(line)])
        writer.finish()
    with pytest.raises(BundleDamaged, match="odd line"):
        check(tmp_path / "odd.tar", keys.public)


def test_a_manifest_that_names_what_is_not_there_is_refused(tmp_path: Path, keys: Keys) -> None:
    text = layout.BundleManifest(
        "1.0", "", "linux/amd64", "modelyard", models=(layout.BundledModel("m", "../../m.tar"),)
    ).to_bytes()
    with pytest.raises(BundleDamaged, match="which is not in the bundle"):
        layout.read_manifest(text, "b")
    for odd in (b"", b"[]", b"{}", b'{"format": 1}'):
        with pytest.raises(BundleDamaged, match="cannot be read"):
            layout.read_manifest(odd, "b")
    with pytest.raises(BundleDamaged, match="later Modelyard"):
        layout.read_manifest(b'{"format": 2}', "b")
