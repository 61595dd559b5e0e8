"""`embed`: vectors of texts, a line of JSON for each.

Reads texts and prints; the gateway does it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from modelyard.cli import output
from modelyard.cli.options import GatewayUrl, Repository, settings_with
from modelyard.cli.run import local_model

_AT_ONCE = 32  # texts of one request: a batch that keeps the engine busy and the answer small


def embed(
    model: Annotated[str, typer.Argument(help="The model's name.", metavar="MODEL", show_default=False)],
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="The texts; the lines of standard input when there is none.", metavar="[TEXT...]"),
    ] = None,
    dimensions: Annotated[int | None, typer.Option(min=1, help="Length of the vectors, where the model can.")] = None,
    url: GatewayUrl = None,
    repository: Repository = None,
) -> None:
    """Print the vectors of texts, as lines of JSON.

    A line is {"text": ..., "embedding": [...]}.
    """
    from modelyard.cli import background
    from modelyard.errors import InvalidInput

    if not texts and sys.stdin.isatty():
        raise InvalidInput("there is no text", hint="write it after the model's name, or send lines by a pipe")
    settings = settings_with(repository)
    more = {} if dimensions is None else {"dimensions": dimensions}
    with background.client(settings, url, model=local_model(settings, url, model)) as client:
        client.require_model(model)
        for batch in _batches(texts or _lines()):
            answer = client.post("/v1/embeddings", {"model": model, "input": batch, **more})
            for item in sorted(answer["data"], key=lambda item: int(item["index"])):
                text = batch[int(item["index"])]
                output.say(json.dumps({"text": text, "embedding": item["embedding"]}, ensure_ascii=False))


def _lines() -> Iterator[str]:
    for line in sys.stdin.buffer:
        if text := line.decode(errors="replace").strip():
            yield text


def _batches(texts: Sequence[str] | Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
