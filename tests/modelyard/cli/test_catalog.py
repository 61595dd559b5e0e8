"""The commands that keep installed models in order, as a user meets them: words, JSON, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelyard import ovms_config, usage
from modelyard.entry import Entry, entries_in, locked, staged, staging_root
from tests.modelyard.catalog.entries import LARGE, amend_manifest, write_entry
from tests.modelyard.cli.command import ROOT, environment, printed, refused, yard
from tests.modelyard.conftest import Served

CARD = """backend: "openvino_genai"
parameters { key: "TASK" value { string_value: "text-generation" } }
parameters { key: "CONTEXT_LENGTH" value { string_value: "1024" } }
parameters { key: "CHAT_TEMPLATE" value { string_value: "{{ first }}\\n{{ second }}" } }
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path / "repository", "m", weights=LARGE)
    return tmp_path / "repository"


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def test_the_table_fits_a_terminal_and_says_who_is_loaded(served: Served) -> None:
    served.load("a-parrot-with-a-long-name")
    entry = write_entry(served.repository, "speech-model-with-a-name")
    amend_manifest(entry, task="automatic-speech-recognition", context_length=131_072)
    for name in [entry.name for entry in entries_in(served.repository)]:
        # Whatever else has answered, an hour ago on a slow machine, would be a wider row.
        if name == "a-parrot-with-a-long-name" or usage.last_used(served.repository, name) is not None:
            usage.record(served.repository, name)
    with served.announced():
        lines = printed(served.repository, "models").splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[0].split() == ["NAME", "TASK", "TARGET", "PRECISION", "CONTEXT", "SIZE", "LAST", "USED", "LOADED"]
    rows = {line.split()[0]: line.split() for line in lines[1:]}
    assert rows["a-parrot-with-a-long-name"][-3:] == ["just", "now", "yes"]
    assert rows["speech-model-with-a-name"][1:5] == [
        "automatic-speech-recognition",
        "triton-openvino",
        "int8",
        "131072",
    ]
    assert rows["speech-model-with-a-name"][-2:] == ["-", "no"]
    listed = json.loads(printed(served.repository, "models", "--json"))
    (parrot,) = (model for model in listed if model["name"] == "a-parrot-with-a-long-name")
    assert (parrot["loaded"], parrot["manifest"]) == (False, None)  # no service any more
    assert parrot["last_used"] is not None


def test_no_models_yet(tmp_path: Path) -> None:
    assert "modelyard convert" in printed(tmp_path, "models")
    assert json.loads(printed(tmp_path, "models", "--json")) == []


def test_what_is_shown_of_a_model(repository: Path) -> None:
    (repository / "m/config.pbtxt").write_text(CARD)
    amend_manifest(Entry(repository / "m"), license="apache-2.0", quantization="Q4_K_M")
    shown = dict(line.strip().split("  ", 1) for line in printed(repository, "show", "m").splitlines())
    shown = {key: value.strip() for key, value in shown.items()}
    assert shown["architecture"] == "LlamaForCausalLM"
    assert shown["parameters"] == "3,400,000"
    assert shown["context"] == "1024 tokens"
    assert shown["template"] == "{{ first }} ..."
    assert shown["loaded"] == "no"
    assert (shown["license"], shown["quantization"]) == ("apache-2.0", "Q4_K_M")
    assert "99.0%" in shown["fidelity"]
    recorded = json.loads(printed(repository, "show", "m", "--json"))
    assert recorded["manifest"]["license"] == "apache-2.0"
    assert recorded["manifest"]["quantization"] == "Q4_K_M"
    assert recorded["manifest"]["fidelity"]["agreement"] == 0.99
    assert recorded["loaded"] is False
    assert printed(repository, "show", "m", "--template") == "{{ first }}\n{{ second }}\n"
    write_entry(repository, "plain", manifest=False)
    refused(yard(repository, "show", "plain", "--template"), 2, "has no chat template")
    assert "size" in printed(repository, "show", "plain")


def test_all_that_is_known_of_a_model(repository: Path) -> None:
    (repository / "m/config.pbtxt").write_text(CARD)
    known = json.loads(printed(repository, "info", "m", "--json"))
    assert known["manifest"]["architecture"] == "LlamaForCausalLM"
    assert known["card"]["chat_template"] == "{{ first }}\n{{ second }}"
    assert known["config"]["backend"] == "openvino_genai"
    assert known["config"]["parameters"]["CONTEXT_LENGTH"] == "1024"
    assert (known["loaded"], known["last_used"], known["services"]) == (False, None, [])
    assert "CONTEXT_LENGTH" in printed(repository, "info", "m")
    (repository / "m/config.pbtxt").write_text("this is {{ no configuration")
    assert json.loads(printed(repository, "info", "m", "--json"))["config"] == {"backend": None, "parameters": {}}


def test_a_copy(repository: Path) -> None:
    assert printed(repository, "cp", "m", "copy") == "copied m to copy\n"
    assert printed(repository, "verify").splitlines()[0].startswith("copy: 4 files, ")
    refused(yard(repository, "cp", "m", "copy"), 2, "exists already", "--force")
    made = json.loads(printed(repository, "cp", "m", "copy", "--force", "--json"))
    assert (made["name"], made["copy_of"]) == ("copy", "m")


def test_removals(repository: Path) -> None:
    for name in ("a", "b", "c"):
        write_entry(repository, name)
    refused(yard(repository, "rm", "a", "none"), 2, "'none' does not exist")
    assert len(entries_in(repository)) == 4
    assert printed(repository, "rm", "a").startswith("removed a, 4.4 kB freed")
    removed = json.loads(printed(repository, "rm", "b", "c", "b", "--json"))["removed"]
    assert [each["name"] for each in removed] == ["b", "c"]
    assert [entry.name for entry in entries_in(repository)] == ["m"]


def test_a_model_that_is_loaded_is_removed_only_by_force(served: Served) -> None:
    served.load("wanted")
    write_entry(served.repository, "unwanted")
    with served.announced():
        shown = yard(served.repository, "rm", "wanted", "unwanted")
        refused(shown, 1, "'wanted' is loaded by a running service", "--force")
        assert shown.stdout.decode().startswith("removed unwanted, ")
        printed(served.repository, "rm", "wanted", "--force")
    names = {entry.name for entry in entries_in(served.repository)}
    assert not names & {"wanted", "unwanted"}


def test_a_flipped_bit_is_said_and_ends_with_1(repository: Path) -> None:
    write_entry(repository, "by-hand", manifest=False)
    assert printed(repository, "verify").splitlines() == [
        "by-hand: no manifest, so there is nothing to compare with",
        "m: 4 files, 1.3 MB, all as recorded",
    ]
    assert yard(repository, "verify", "by-hand").returncode == 1
    flip_a_bit(repository / "m/1/weights.bin")
    (repository / "m/1/empty").unlink()
    shown = yard(repository, "verify", "m")
    assert shown.returncode == 1
    assert shown.stdout.decode().splitlines() == [
        "m: 1/empty is missing",
        "m: 1/weights.bin has changed (its SHA-256 is another)",
    ]
    shown = yard(repository, "verify", "--json")
    assert shown.returncode == 1
    assert [(each["name"], each["good"], len(each["problems"])) for each in json.loads(shown.stdout)] == [
        ("by-hand", False, 0),
        ("m", False, 2),
    ]
    refused(yard(repository, "verify", "none"), 2, "does not exist")


def test_tidying_up(repository: Path) -> None:
    half = staging_root(repository) / "m+killed"
    half.mkdir(parents=True)
    (half / "weights").write_bytes(bytes(1234))
    planned = json.loads(printed(repository, "gc", "--dry-run", "--json"))
    assert (planned["dry_run"], planned["freed"], len(planned["items"])) == (True, 1234, 1)
    assert half.exists()
    assert printed(repository, "gc").splitlines()[-1] == "1234 bytes freed"
    assert not half.exists()
    assert printed(repository, "gc") == "0 bytes freed\n"


def test_the_cache_of_the_hub_is_tidied_up_only_when_it_is_ours(repository: Path, tmp_path: Path) -> None:
    blob = tmp_path / "cache" / "models--org--model" / "blobs" / "abc.incomplete"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(bytes(77))
    os.utime(blob, (1, 1))
    refused(yard(repository, "gc", "--cache", HF_HUB_CACHE=str(tmp_path / "cache")), 4, "MODELYARD_CACHE_DIR")
    ours = {"MODELYARD_CACHE_DIR": str(tmp_path / "cache")}
    printed(repository, "gc", **ours)
    assert blob.exists()
    with locked(repository, "other"):
        refused(yard(repository, "gc", "--cache", **ours), 1, "'other' is being converted")
    assert blob.exists()
    ovms_config.list_entry(repository, "m")  # whose own lock stands beside those of conversions
    assert printed(repository, "gc", "--cache", **ours).splitlines()[-1] == "77 bytes freed"
    assert not blob.exists()


def test_over_to_another_host(repository: Path, tmp_path: Path) -> None:
    there, file = tmp_path / "there" / "repository", str(tmp_path / "m.tar")
    assert printed(repository, "export", "m", file).startswith(f"wrote m to {file}: 4 files, 1.4 MB")
    refused(yard(repository, "export", "m", file), 1, "exists already", "--force")
    assert json.loads(printed(repository, "export", "m", file, "--force", "--json"))["files"] == 4
    assert "every checksum is right" in printed(there, "import", file)
    refused(yard(there, "import", file), 2, "the model 'm' exists already", "--name")
    assert json.loads(printed(there, "import", file, "--name", "n", "--json"))["name"] == "n"
    printed(there, "import", file, "--force")
    assert printed(there, "verify").count("all as recorded") == 2


def test_through_a_pipe(repository: Path, tmp_path: Path) -> None:
    archive = yard(repository, "export", "m", "-")
    assert archive.returncode == 0
    printed(tmp_path / "there", "import", "-", stdin=archive.stdout)
    assert "all as recorded" in printed(tmp_path / "there", "verify", "m")
    refused(yard(tmp_path / "there", "import", "-", "--name", "n", stdin=archive.stdout[:5000]), 2, "ends too early")
    refused(yard(repository, "export", "m", "-", "--json"), 2, "without --json")


def test_a_damaged_archive_is_a_line_and_leaves_the_catalog_as_it_was(repository: Path, tmp_path: Path) -> None:
    printed(repository, "export", "m", str(tmp_path / "m.tar"))
    flip_a_bit(tmp_path / "m.tar")
    refused(yard(repository, "import", str(tmp_path / "m.tar"), "--force"), 2, "SHA-256 of 1/weights.bin")
    assert "all as recorded" in printed(repository, "verify", "m")


def test_two_at_once(repository: Path, tmp_path: Path) -> None:
    """Copies, removals, imports, verifications and tidying up of one name, all at the same time."""
    printed(repository, "export", "m", str(tmp_path / "m.tar"))
    commands = [
        ["cp", "m", "x", "--force"],
        ["import", str(tmp_path / "m.tar"), "--name", "x", "--force"],
        ["rm", "x"],
        ["verify"],
        ["gc"],
        ["cp", "m", "x"],
        ["models", "--json"],
        ["export", "m", str(tmp_path / "again.tar")],
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "modelyard", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(repository),
        )
        for command in commands
    ]
    for command, process in zip(commands, running, strict=True):
        _, said = process.communicate(timeout=120)
        if process.returncode:
            assert command[0] in ("rm", "cp"), said
            assert any(words in said for words in ("does not exist", "exists already", "try again")), said
    verdicts = json.loads(printed(repository, "verify", "--json"))
    assert all(verdict["good"] for verdict in verdicts)
    assert list(staging_root(repository).glob("*+*")) == []


def test_a_conversion_at_work_is_waited_for_by_an_import(repository: Path, tmp_path: Path) -> None:
    printed(repository, "export", "m", str(tmp_path / "m.tar"))
    with staged(repository, "n") as entry:
        process = subprocess.Popen(
            [sys.executable, "-m", "modelyard", "import", str(tmp_path / "m.tar"), "--name", "n"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(repository),
        )
        assert process.stderr is not None
        assert any("waiting for a conversion" in line for line in process.stderr)
        entry.config.write_text("converted")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert Entry(repository / "n").config.read_text() == "converted"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_import_that_is_stopped_leaves_nothing(
    sent: signal.Signals, code: int, repository: Path, tmp_path: Path
) -> None:
    archive, there = yard(repository, "export", "m", "-").stdout, tmp_path / "there" / "repository"
    process = subprocess.Popen(
        [sys.executable, "-m", "modelyard", "import", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment(there),
        # Whoever runs the tests in the background has Ctrl-C ignored, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdin is not None
    process.stdin.write(archive[: len(archive) // 2])
    process.stdin.flush()
    while not list(staging_root(there).glob("m+*/m/1/weights.bin")):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)  # until it waits for more: a signal between two reads is heeded after the second one only
    process.send_signal(sent)
    assert process.wait(60) == code
    process.stdin.close()
    assert entries_in(there) == []
    assert [path.name for path in staging_root(there).iterdir()] == ["m.lock"]
