"""One answer: asked for, shown as it comes, and remembered as far as it came.

Knows the chunks of /v1/chat/completions; how they are shown is handed in.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from modelyard.errors import EngineError, InvalidInput

if TYPE_CHECKING:
    from rich.console import Console

    from modelyard.cli.chat.conversation import Conversation
    from modelyard.cli.chat.parameters import Parameters
    from modelyard.cli.gateway_client import GatewayClient


class Shown(Protocol):
    """Where an answer appears."""

    def think(self, text: str) -> None: ...

    def say(self, text: str) -> None: ...


@dataclass(frozen=True)
class Told:
    """How an answer went. Seconds; None for what was not told."""

    interrupted: bool
    reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    first_token_s: float | None
    total_s: float

    def sentence(self) -> str:
        parts = [f"{self.total_s:.1f} s"]
        if self.first_token_s is not None:
            parts.append(f"first token after {self.first_token_s * 1000:.0f} ms")
        if self.completion_tokens is not None:
            parts.append(f"{self.prompt_tokens} tokens in, {self.completion_tokens} out")
            seconds = self.total_s - (self.first_token_s or 0)
            if self.completion_tokens > 1 and seconds > 0:
                parts.append(f"{(self.completion_tokens - 1) / seconds:.1f} tokens/s")
        return ", ".join(parts)


def answer(
    client: GatewayClient, conversation: Conversation, parameters: Parameters, question: str, shown: Shown
) -> Told:
    """Ask and show. A Ctrl-C ends the answer and not the program: the connection is closed, what was said is kept.

    Raises ModelyardError; then too, what was said is kept.
    """
    body = {
        "model": conversation.model,
        "messages": conversation.ask(question),
        "stream_options": {"include_usage": True},
        **parameters.fields(),
    }
    said: list[str] = []
    usage: dict[str, int] = {}
    reason = first = None
    interrupted = False
    began = time.monotonic()
    try:
        with contextlib.closing(client.stream("/v1/chat/completions", body)) as events:
            for event in events:
                usage = event.get("usage") or usage
                for choice in event.get("choices", ()):
                    if first is None and _speaks(choice["delta"]):
                        first = time.monotonic() - began
                    reason = choice.get("finish_reason") or reason
                    _show(choice["delta"], said, shown)
        if reason is None:
            raise EngineError("the answer broke off before its end")
    except KeyboardInterrupt:
        interrupted = True
    except InvalidInput as error:
        if (error.field or "messages").startswith("messages") and conversation.put_pictures_away():
            error.hint = "its pictures are put away; ask without them, or show others"
        raise
    finally:
        conversation.answer("".join(said))
    took = time.monotonic() - began
    return Told(interrupted, reason, usage.get("prompt_tokens"), usage.get("completion_tokens"), first, took)


def _speaks(delta: dict[str, Any]) -> bool:
    return bool(delta.get("content") or delta.get("reasoning_content"))


def _show(delta: dict[str, Any], said: list[str], shown: Shown) -> None:
    if thought := delta.get("reasoning_content"):
        shown.think(thought)
    if text := delta.get("content"):
        said.append(text)
        shown.say(text)


class Plain:
    """For pipes and files: the answer, as it comes, and nothing else."""

    def __init__(self) -> None:
        self._last = "\n"

    def think(self, text: str) -> None:
        """What a model thinks is not its answer."""

    def say(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._last = text

    def end(self) -> None:
        if not self._last.endswith("\n"):
            sys.stdout.write("\n")
            sys.stdout.flush()


class OnTerminal:
    """For people: thinking dim, then the answer as Markdown, or as it came. Made by `on_terminal`."""

    def __init__(self, console: Console, held: contextlib.ExitStack, *, markdown: bool) -> None:
        self._console = console
        self._held = held
        self._markdown = markdown
        self._write: Any = None
        self._column = ""  # what the line that is being written has
        self._waiting = console.status("", spinner="dots")
        self._waiting.start()

    def think(self, text: str) -> None:
        self._waiting.stop()
        self._put(text, style="dim italic")

    def say(self, text: str) -> None:
        if self._write is None:
            self._waiting.stop()
            self.end_line()
            self._write = self._begin()
        self._write(text)

    def _begin(self) -> Any:
        if not self._markdown:
            return self._put
        from modelyard.cli.chat.markdown import markdown_stream

        return self._held.enter_context(markdown_stream(self._console)).write

    def _put(self, text: str, style: str | None = None) -> None:
        self._console.print(text, end="", style=style, markup=False, highlight=False, soft_wrap=True)
        self._column = text.rpartition("\n")[2] if "\n" in text else self._column + text

    def end(self) -> None:
        self._waiting.stop()
        self.end_line()

    def end_line(self) -> None:
        if self._column:
            self._console.print()
            self._console.print() if self._write is None else None
        self._column = ""


@contextlib.contextmanager
def on_terminal(console: Console, *, markdown: bool) -> Iterator[OnTerminal]:
    with contextlib.ExitStack() as held:
        shown = OnTerminal(console, held, markdown=markdown)
        try:
            yield shown
        finally:
            held.close()
            shown.end()
