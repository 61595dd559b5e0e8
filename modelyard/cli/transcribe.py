"""`transcribe` and `speak`: text of speech and speech of text.

Reads options and files; the gateway does it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from modelyard.cli import output
from modelyard.cli.options import GatewayUrl, Repository, settings_with
from modelyard.cli.run import local_model

_SOUNDS = {".wav": "wav", ".mp3": "mp3", ".flac": "flac", ".opus": "opus", ".ogg": "opus", ".aac": "aac", ".pcm": "pcm"}


def transcribe(
    model: Annotated[str, typer.Argument(help="The model's name.", metavar="MODEL", show_default=False)],
    file: Annotated[Path, typer.Argument(help="A sound file: wav, mp3, flac, ogg, webm.", metavar="FILE")],
    language: Annotated[str | None, typer.Option(help="Language that is spoken, as de; found out by default.")] = None,
    answer_format: Annotated[
        Literal["text", "srt", "vtt", "json"], typer.Option("--format", help="text, subtitles, or JSON with times.")
    ] = "text",
    translate: Annotated[bool, typer.Option("--translate", help="Write it in English.")] = False,
    prompt: Annotated[str | None, typer.Option(help="Names and words that may come up.")] = None,
    url: GatewayUrl = None,
    repository: Repository = None,
) -> None:
    """Print what is said in a sound file."""
    from modelyard.cli import background
    from modelyard.errors import FieldRefused

    if translate and language is not None:
        raise FieldRefused("--language", "a translation finds the language out by itself")
    form = {"model": model, "response_format": "verbose_json" if answer_format == "json" else answer_format}
    form |= {name: value for name, value in (("language", language), ("prompt", prompt)) if value is not None}
    path = "/v1/audio/translations" if translate else "/v1/audio/transcriptions"
    settings = settings_with(repository)
    with file.open("rb") as sound, background.client(settings, url, model=local_model(settings, url, model)) as client:
        client.require_model(model)
        with output.progress() as shown:
            shown.step(f"listening to {file.name}")
            answer = client.send("POST", path, data=form, files={"file": (file.name, sound)})
    if answer_format == "json":
        output.as_json(answer.json())
    else:
        output.say(answer.text.strip("\n"))


def speak(
    model: Annotated[str, typer.Argument(help="The model's name.", metavar="MODEL", show_default=False)],
    text: Annotated[
        list[str] | None, typer.Argument(help="What to say; standard input when left out.", metavar="[TEXT]")
    ] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="The sound file: .wav, .mp3, .flac, .opus.")] = Path(
        "speech.wav"
    ),
    voice: Annotated[str | None, typer.Option(help="A voice of the model; its first by default.")] = None,
    speed: Annotated[float | None, typer.Option(min=0.25, max=4, help="1 is normal.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    url: GatewayUrl = None,
    repository: Repository = None,
) -> None:
    """Say a text into a sound file."""
    from modelyard.cli import background
    from modelyard.errors import FileExists, InvalidInput

    if (form := _SOUNDS.get(out.suffix.lower())) is None:
        raise InvalidInput(f"{out} does not end as a sound file does", hint=f"use {', '.join(_SOUNDS)}")
    if out.exists() and not force:
        raise FileExists(out)
    words = " ".join(text) if text else "" if sys.stdin.isatty() else sys.stdin.buffer.read().decode(errors="replace")
    if not words.strip():
        raise InvalidInput("there is nothing to say", hint="write it after the model's name, or send it by a pipe")
    # OpenAI's form wants a voice, and its names stand for the model's own.
    wish = {"model": model, "input": words.strip(), "voice": voice or "alloy", "response_format": form}
    settings = settings_with(repository)
    with background.client(settings, url, model=local_model(settings, url, model)) as client:
        client.require_model(model)
        with output.progress() as shown:
            shown.step("speaking")
            answer = client.send("POST", "/v1/audio/speech", json=wish if speed is None else {**wish, "speed": speed})
    out.write_bytes(answer.content)
    output.say(str(out))
