"""The line that is typed in a chat: history, several lines, and completion of what begins with a slash.

Knows prompt_toolkit; does not know what a line means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from modelyard import user_folders
from modelyard.cli.chat import conversation
from modelyard.cli.chat.commands import COMMANDS
from modelyard.cli.chat.parameters import PARAMETERS

if TYPE_CHECKING:
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

_FENCE = '"""'
_PLACEHOLDER = FormattedText([("fg:ansibrightblack", "Send a message (/help for help)")])


class Prompt:
    """`models` gives the names that /model completes."""

    def __init__(
        self, models: Callable[[], Sequence[str]], *, input: Input | None = None, output: Output | None = None
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            history=FileHistory(str(user_folders.private_file(user_folders.data() / "history"))),
            completer=_Commands(models),
            complete_while_typing=Condition(lambda: self._session.default_buffer.text.startswith("/")),
            key_bindings=_bindings(),
            multiline=True,  # a text that is pasted may have several lines; Enter still sends
            prompt_continuation="... ",
            placeholder=_PLACEHOLDER,
            reserve_space_for_menu=6,
            input=input,
            output=output,
        )

    def ask(self) -> str:
        """What was typed. Raises KeyboardInterrupt for a Ctrl-C and EOFError for a Ctrl-D on an empty line."""
        return without_fence(self._session.prompt(">>> "))


def without_fence(text: str) -> str:
    stripped = text.strip()
    if is_open(stripped) or not stripped.startswith(_FENCE):
        return stripped.removeprefix(_FENCE)
    return stripped[len(_FENCE) :].partition(_FENCE)[0].strip("\n")


def is_open(text: str) -> bool:
    """Whether a text of several lines has begun and not ended."""
    return text.lstrip().startswith(_FENCE) and text.count(_FENCE) < 2


def _bindings() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_open(buffer.text):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


class _Commands(Completer):
    def __init__(self, models: Callable[[], Sequence[str]]) -> None:
        self._models = models
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        if not line.startswith("/") or "\n" in line:
            return
        name, space, rest = line.partition(" ")
        if not space:
            for known, command in COMMANDS.items():
                if known.startswith(name):
                    yield Completion(known, -len(name), display_meta=command.says)
        elif name == "/image":
            yield from self._paths.get_completions(Document(rest), complete_event)
        else:
            for word in self._words(name):
                if word.startswith(rest):
                    yield Completion(word, -len(rest))

    def _words(self, name: str) -> Sequence[str]:
        if name == "/set":
            return list(PARAMETERS)
        if name in ("/load", "/save"):
            return conversation.saved()
        return self._models() if name == "/model" else []
