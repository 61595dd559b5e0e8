"""`imagine`: a picture of a text, or a picture changed by one, into a file.

Reads options and writes files; the gateway draws.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.cli import output
from modelyard.cli.options import GatewayUrl, Repository, settings_with
from modelyard.cli.run import local_model

if TYPE_CHECKING:
    from modelyard.cli.gateway_client import GatewayClient

_FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def imagine(
    model: Annotated[str, typer.Argument(help="The model's name.", metavar="MODEL", show_default=False)],
    prompt: Annotated[list[str], typer.Argument(help="What to draw.", metavar="PROMPT", show_default=False)],
    out: Annotated[
        Path, typer.Option("--output", "-o", help="The file: .png, .jpg or .webp. Of several, NAME-1.png and so on.")
    ] = Path("image.png"),
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels; as the model likes by default.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps: more take longer and show more detail.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed gives the same picture.")] = None,
    count: Annotated[int, typer.Option("--n", min=1, max=10, help="How many pictures.")] = 1,
    negative: Annotated[str | None, typer.Option(help="What not to draw.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to change.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="A picture that is transparent where the image is to be filled in.")
    ] = None,
    strength: Annotated[float | None, typer.Option(min=0, max=1, help="How far to go from the image.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files of that name.")] = False,
    url: GatewayUrl = None,
    repository: Repository = None,
) -> None:
    """Draw a picture, or change one, and write it into a file."""
    from modelyard.cli import background
    from modelyard.errors import FieldRefused, FileExists, InvalidInput

    if (form := _FORMATS.get(out.suffix.lower())) is None:
        raise InvalidInput(f"{out} does not end as a picture does", hint="use .png, .jpg or .webp")
    if image is None and (mask is not None or strength is not None):
        raise FieldRefused("--mask" if mask is not None else "--strength", "it needs --image")
    files = _files(out, count)
    for file in files:
        if file.exists() and not force:
            raise FileExists(file)
    given = {"size": size, "steps": steps, "seed": seed, "negative_prompt": negative, "strength": strength}
    wish = {"model": model, "prompt": " ".join(prompt), "n": count, "response_format": "b64_json"}
    wish |= {"output_format": form, **{name: value for name, value in given.items() if value is not None}}
    settings = settings_with(repository)
    with background.client(settings, url, model=local_model(settings, url, model)) as client:
        client.require_model(model)
        with output.progress() as shown:
            shown.step("drawing" if image is None else f"changing {image}")
            drawn = _draw(client, wish, image, mask)
    for file, picture in zip(files, drawn, strict=True):
        file.write_bytes(base64.b64decode(picture["b64_json"]))
        output.say(str(file))


def _draw(client: GatewayClient, wish: dict[str, Any], image: Path | None, mask: Path | None) -> list[dict[str, Any]]:
    answer: dict[str, list[dict[str, Any]]]
    if image is None:
        answer = client.post("/v1/images/generations", wish)
    else:
        sent = {name: (file.name, file.read_bytes()) for name, file in (("image", image), ("mask", mask)) if file}
        form = {name: str(value) for name, value in wish.items()}
        answer = client.send("POST", "/v1/images/edits", data=form, files=sent).json()
    return answer["data"]


def _files(out: Path, count: int) -> list[Path]:
    if count == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(1, count + 1)]
