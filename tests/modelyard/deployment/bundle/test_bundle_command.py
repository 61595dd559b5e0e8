"""`modelyard bundle` as it is typed: a bundle without images, its checks by other programs, and every exit code."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.modelyard.catalog.entries import write_entry
from tests.modelyard.cli.command import printed, refused, yard

WITHOUT = ("--no-images", "--no-wheels")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A signed bundle with a small model, its keys beside it."""
    repository = tmp_path / "repository"
    write_entry(repository, "m")
    key, file = str(tmp_path / "k.key"), str(tmp_path / "b.tar")
    printed(repository, "bundle", "keygen", key)
    said = printed(repository, "bundle", "create", file, "--key", key, "--model", "m", *WITHOUT)
    assert said.startswith(f"wrote {file}: ")
    assert said.endswith(", signed\n")
    return tmp_path


def unpacked(made: Path) -> Path:
    folder = made / "unpacked"
    folder.mkdir()
    subprocess.run(["tar", "-xf", str(made / "b.tar"), "-C", str(folder)], check=True)
    return folder


def installer(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(folder / "install.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_check_says_what_is_in_it(made: Path) -> None:
    found = json.loads(
        printed(made, "bundle", "verify", str(made / "b.tar"), "--key", str(made / "k.key.pub"), "--json")
    )
    assert found["signed"] is True
    assert found["models"] == ["m"]
    assert found["images"] == []
    assert found["platform"] == "linux/amd64"
    said = printed(made, "bundle", "verify", str(made / "b.tar"), "--key", str(made / "k.key.pub"))
    assert "is whole, signed by the owner of" in said


def test_openssl_and_sha256sum_come_to_the_same(made: Path) -> None:
    folder = unpacked(made)
    signed = ["-rawin", "-in", "SHA256SUMS", "-sigfile", "SHA256SUMS.sig"]
    checked = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(made / "k.key.pub"), *signed]
    assert subprocess.run(checked, cwd=folder, capture_output=True, check=False).returncode == 0
    summed = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    assert subprocess.run(summed, cwd=folder, capture_output=True, check=False).returncode == 0
    listed = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there - listed == {"SHA256SUMS", "SHA256SUMS.sig"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["files"]) == listed - {"manifest.json"}


def test_the_model_in_it_can_be_imported_alone(made: Path) -> None:
    folder = unpacked(made)
    other = made / "other"
    printed(other, "import", str(folder / "models/m.tar"))
    assert "all as recorded" in printed(other, "verify", "m")


def test_the_installer_checks_as_the_command_does(made: Path) -> None:
    folder, key = unpacked(made), str(made / "k.key.pub")
    good = installer(folder, "--key", key, "--check-only")
    assert good.returncode == 0, good.stderr
    assert "files are what they were" in good.stdout
    assert installer(folder, "--allow-unsigned", "--check-only").returncode == 0
    assert installer(folder, "--check-only").returncode == 2
    printed(made, "bundle", "keygen", str(made / "other.key"))
    wrong = installer(folder, "--key", str(made / "other.key.pub"), "--check-only")
    assert wrong.returncode == 2
    assert "the signature is not by the key" in wrong.stderr
    for damage, words in (
        ("echo >> deploy/compose/compose.yml", "the bundle is damaged"),
        ("echo > deploy/extra", "deploy/extra is in the bundle and not in its list"),
        ("ln -s /etc/passwd deploy/link", "./deploy/link is not a plain file"),
        ("rm models/m.tar", "the bundle is damaged"),
        ("sed -i 1d SHA256SUMS", "the signature is not by the key"),
        ("rm SHA256SUMS.sig", "the bundle is not signed"),
    ):
        copy = made / "copy"
        shutil.copytree(folder, copy)
        subprocess.run(["sh", "-c", damage], cwd=copy, check=True)
        bad = installer(copy, "--key", key, "--check-only")
        assert bad.returncode == 2, damage
        assert words in bad.stderr
        shutil.rmtree(copy)


def test_the_installer_refuses_to_install_what_is_not_whole(made: Path) -> None:
    folder = unpacked(made)
    (folder / "models/m.tar").write_bytes(b"evil")
    prefix = made / "prefix"
    bad = installer(folder, "--key", str(made / "k.key.pub"), "--prefix", str(prefix))
    assert bad.returncode == 2
    assert not prefix.exists()


def test_a_bundle_without_wheels_has_no_program_to_install(made: Path) -> None:
    bad = installer(unpacked(made), "--key", str(made / "k.key.pub"), "--prefix", str(made / "prefix"))
    assert bad.returncode == 4
    assert "no wheels in this bundle" in bad.stderr


def test_exit_codes_of_the_check(made: Path) -> None:
    file, key = str(made / "b.tar"), str(made / "k.key.pub")
    refused(yard(made, "bundle", "verify", file), 2, "no key was given")
    refused(yard(made, "bundle", "verify", file, "--key", str(made / "absent")), 3, "cannot be read")
    refused(yard(made, "bundle", "verify", file, "--key", str(made / "k.key")), 2, "is no public key")
    refused(yard(made, "bundle", "verify", str(made / "absent.tar"), "--key", key), 3, "cannot be read")
    assert "NOT signed" in printed(made, "bundle", "verify", file, "--allow-unsigned")


def test_orders_that_cannot_be_carried_out_are_refused_before_any_work(made: Path) -> None:
    repository, key = made / "repository", str(made / "k.key")
    new = str(made / "new.tar")
    before = set(made.iterdir())
    refused(yard(repository, "bundle", "create", new, *WITHOUT), 2, "either signed or not")
    refused(yard(repository, "bundle", "create", new, "--key", key, "--unsigned", *WITHOUT), 2, "either signed or not")
    refused(yard(repository, "bundle", "create", new, "--key", key, "--model", "absent", *WITHOUT), 2, "absent")
    refused(yard(repository, "bundle", "create", str(made / "b.tar"), "--key", key, *WITHOUT), 1, "exists already")
    refused(yard(repository, "bundle", "create", str(made), "--key", key, *WITHOUT), 2, "is a folder")
    refused(
        yard(repository, "bundle", "create", new, "--key", key, "--no-wheels", DOCKER_HOST=f"unix://{made}/no.sock"), 4
    )
    assert set(made.iterdir()) == before


def test_a_damaged_model_makes_no_bundle(made: Path) -> None:
    repository, new = made / "repository", made / "new.tar"
    (repository / "m/1/weights.bin").write_bytes(b"altered")
    before = set(made.iterdir())
    refused(
        yard(repository, "bundle", "create", str(new), "--key", str(made / "k.key"), "--model", "m", *WITHOUT),
        1,
        "the model 'm' is damaged",
    )
    assert set(made.iterdir()) == before


def test_a_dry_run_says_all_and_does_nothing(made: Path) -> None:
    before = set(made.iterdir())
    shown = yard(
        made / "repository",
        *("bundle", "create", str(made / "new.tar"), "--key", str(made / "k.key"), "--model", "m", "--no-images"),
        DEPLOY_DRY_RUN="1",
    )
    assert shown.returncode == 0, shown.stderr
    said = shown.stderr.decode()
    assert "would do: gather wheels: pip download" in said
    assert "would do: write the bundle" in said
    assert "model m" in said
    assert set(made.iterdir()) == before


def test_keys_are_made_once(made: Path) -> None:
    assert stat.S_IMODE((made / "k.key").stat().st_mode) == 0o600
    refused(yard(made, "bundle", "keygen", str(made / "k.key")), 1, "exists already")
    (made / "k.key").chmod(0o644)
    refused(
        yard(made / "repository", "bundle", "create", str(made / "n.tar"), "--key", str(made / "k.key"), *WITHOUT),
        4,
        "others on this host may read the private key",
    )
