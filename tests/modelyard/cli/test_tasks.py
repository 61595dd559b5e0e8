"""`embed`, `imagine`, `transcribe` and `speak` with tiny models that are converted and served as a user does."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.modelyard.cli.conftest import YARD
from tests.modelyard.cli.running import ROOT, clean_environment
from tests.system.service import serving

_MAKER = """
import sys
from pathlib import Path
from tests.converters.encoder_checkpoints import write_encoder
from tests.converters.image_checkpoints import write_pipeline
from tests.converters.speech_checkpoints import write_speecht5, write_vocoder, write_whisper
folder = Path(sys.argv[1])
write_encoder(folder / "embedder", "bert")
write_pipeline(folder / "painter", "sd")
write_whisper(folder / "listener")
write_speecht5(folder / "speaker")
write_vocoder(folder / "vocoder")
"""
_WISHES = {
    "embedder": ("--task", "feature-extraction"),
    "painter": (),
    "listener": (),
    "speaker": ("--vocoder", "vocoder"),
}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user whose gateway has one model for each task."""
    folder = tmp_path_factory.mktemp("tasks")
    subprocess.run([sys.executable, "-c", _MAKER, str(folder)], cwd=ROOT, check=True, capture_output=True, timeout=300)
    repository = folder / "repository"
    environment = clean_environment(repository, {})
    for name, wishes in _WISHES.items():
        given = [str(folder / wish) if wish == "vocoder" else wish for wish in wishes]
        command = [*YARD, "convert", str(folder / name), *given]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
    socket = folder / "gateway.sock"
    with serving(repository, folder, "--model", "embedder", socket=socket) as service:
        service.wait_until_ready()
        yield {**environment, "MODELYARD_URL": f"unix://{socket}"}


def _yard(env: dict[str, str], *arguments: object, stdin: str = "") -> str:
    command = [*YARD, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=env, input=stdin, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_embed_gives_a_line_for_each_text(tasks: dict[str, str]) -> None:
    lines = [json.loads(line) for line in _yard(tasks, "embed", "embedder", "one", "two").splitlines()]
    assert [line["text"] for line in lines] == ["one", "two"]
    one, two = (line["embedding"] for line in lines)
    assert len(one) == len(two) > 1
    assert one != two
    many = [f"line {number}" for number in range(40)]  # more than one request takes
    by_pipe = _yard(tasks, "embed", "embedder", stdin="one\n\n" + "\n".join(many)).splitlines()
    assert [json.loads(line)["text"] for line in by_pipe] == ["one", *many]
    same = json.loads(by_pipe[0])["embedding"]
    assert same == pytest.approx(one, abs=1e-3)


def test_imagine_writes_pictures_and_changes_them(tasks: dict[str, str], tmp_path: Path) -> None:
    wish = ("imagine", "painter", "a bird", "--size", "64x64", "--steps", 2, "--seed", 1)
    assert _yard(tasks, *wish, "-o", tmp_path / "a.png", "--n", 2).split() == [
        str(tmp_path / "a-1.png"),
        str(tmp_path / "a-2.png"),
    ]
    assert (tmp_path / "a-1.png").read_bytes().startswith(b"\x89PNG")
    changed = tmp_path / "b.jpg"
    _yard(tasks, *wish, "--image", tmp_path / "a-1.png", "--strength", 0.5, "-o", changed)
    assert changed.read_bytes().startswith(b"\xff\xd8")
    again = subprocess.run([*YARD, *map(str, wish), "-o", str(changed)], cwd=ROOT, env=tasks, capture_output=True)
    assert again.returncode == 1
    assert b"exists already" in again.stderr


def test_speak_writes_a_sound_and_transcribe_reads_one(tasks: dict[str, str], tmp_path: Path) -> None:
    sound = tmp_path / "hello.wav"
    assert _yard(tasks, "speak", "speaker", "hello", "-o", sound) == f"{sound}\n"
    with wave.open(str(sound)) as file:
        assert file.getnframes() > 0
    assert set(json.loads(_yard(tasks, "transcribe", "listener", sound, "--format", "json"))) >= {"text", "language"}
    assert _yard(tasks, "transcribe", "listener", sound, "--language", "en", "--format", "vtt").startswith("WEBVTT")
