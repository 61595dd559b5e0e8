"""What begins with a slash in a chat: the table of commands and what each does.

Knows the conversation, its parameters and its files; prints through the console it is given; asks no gateway but for
names of models.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.cli.chat import conversation as conversations
from modelyard.cli.chat.conversation import Conversation
from modelyard.cli.chat.parameters import Parameters
from modelyard.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import Console


class Leave(Exception):
    """The chat is over."""


@dataclass
class Chat:
    """What the commands work on. `models` asks for the names that can be chosen."""

    conversation: Conversation
    parameters: Parameters
    console: Console
    models: Callable[[], Sequence[str]] = field(default=list)

    def say(self, line: str, *, dim: bool = False) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True, style="dim" if dim else None)

    def columns(self, pairs: Mapping[str, str]) -> None:
        width = max(map(len, pairs), default=0)
        for name, text in pairs.items():
            self.say(f"  {name:<{width}}  {text}")


@dataclass(frozen=True)
class Command:
    """`takes` is what follows the name, as the help shows it; square brackets when it may be left out."""

    says: str
    do: Callable[[Chat, str], None]
    takes: str = ""


def run(chat: Chat, line: str) -> None:
    """Do what the line says. Raises InvalidInput when there is no such command or it needs a word more, and Leave."""
    name, _, rest = line.strip().partition(" ")
    command = COMMANDS.get(_ALIASES.get(name, name))
    if command is None:
        raise InvalidInput(f"there is no {name}", hint="/help lists what there is")
    rest = rest.strip()
    if not rest and command.takes and not command.takes.startswith("["):
        raise InvalidInput(f"{name} needs {command.takes}")
    if rest and not command.takes:
        raise InvalidInput(f"{name} takes nothing after it")
    command.do(chat, rest)


def _help(chat: Chat, _: str) -> None:
    chat.columns({f"{name} {command.takes}".strip(): command.says for name, command in COMMANDS.items()})
    chat.say("")
    chat.columns(
        {
            '"""': "begins and ends a text of several lines; Alt-Enter makes a new line too",
            "Ctrl-C": "stops the answer; at the prompt, empties the line",
            "Ctrl-D": "leaves",
        }
    )


def _clear(chat: Chat, _: str) -> None:
    chat.conversation.clear()
    chat.say("the conversation is empty; the system message and the parameters stay", dim=True)


def _save(chat: Chat, name: str) -> None:
    if not chat.conversation.messages:
        raise InvalidInput("there is nothing to save yet")
    path = conversations.save(chat.conversation, chat.parameters.values, name)
    chat.say(f"saved as {name} ({path})", dim=True)


def _load(chat: Chat, name: str) -> None:
    if not name:
        chat.say("saved: " + (", ".join(conversations.saved()) or "nothing yet"))
        return
    loaded, values = conversations.load(name)
    parameters = Parameters()
    for key, value in values.items():
        parameters.set(key, str(value))
    chat.conversation, chat.parameters = loaded, parameters
    questions = sum(message["role"] == "user" for message in loaded.messages)
    asked = "1 question" if questions == 1 else f"{questions} questions"
    chat.say(f"going on with {name}: {asked}, model {loaded.model}", dim=True)


def _history(chat: Chat, _: str) -> None:
    if not chat.conversation.messages:
        chat.say("nothing has been said yet", dim=True)
    for who, text in chat.conversation.texts():
        chat.console.print("you" if who == "user" else chat.conversation.model, style="bold", highlight=False)
        chat.say(f"{text}\n")


def _search(chat: Chat, text: str) -> None:
    places = {"this conversation": chat.conversation}
    for name in conversations.saved():
        try:
            places[name] = conversations.load(name)[0]
        except InvalidInput:
            continue  # a file that somebody else has put there
    hits = 0
    for place, conversation in places.items():
        for who, words in conversations.found(text, conversation.texts()):
            chat.say(f"  {place}, {'you' if who == 'user' else 'the model'}: {words}")
            hits += 1
    if not hits:
        chat.say(f"'{text}' was not said, here or in what is saved", dim=True)


def _set(chat: Chat, words: str) -> None:
    name, _, value = words.partition(" ")
    if not name:
        chat.columns(chat.parameters.shown())
        return
    if not value.strip():
        shown = chat.parameters.shown()
        chat.say(f"  {name}  {shown[name]}" if name in shown else f"  there are {', '.join(shown)}")
        return
    chat.parameters.set(name, value.strip())
    chat.say(f"{name} is {chat.parameters.values.get(name, 'as the model likes')}", dim=True)


def _system(chat: Chat, text: str) -> None:
    if text:
        chat.conversation.system = text
        chat.say("the system message is set", dim=True)
    else:
        chat.say(chat.conversation.system or "there is no system message")


def _image(chat: Chat, words: str) -> None:
    try:
        files = shlex.split(words)
    except ValueError:
        files = [words]
    for file in files:
        chat.conversation.images.append(conversations.picture(Path(file)))
    count = len(chat.conversation.images)
    chat.say(f"{count} image{'s' if count > 1 else ''} for the next question", dim=True)


def _model(chat: Chat, name: str) -> None:
    names = list(chat.models())
    if not name:
        chat.say(f"{chat.conversation.model} answers; there are {', '.join(names)}")
        return
    if name not in names:
        raise InvalidInput(f"there is no model '{name}'", hint=f"there are {', '.join(names)}")
    chat.conversation.model = name
    chat.say(f"{name} answers from now on", dim=True)


def _quit(_: Chat, __: str) -> None:
    raise Leave


COMMANDS: Mapping[str, Command] = {
    "/help": Command("this list", _help),
    "/clear": Command("forget what was said and begin anew", _clear),
    "/save": Command("keep the conversation under a name", _save, "NAME"),
    "/load": Command("go on with a conversation that was saved; alone, list them", _load, "[NAME]"),
    "/history": Command("show what was said", _history),
    "/search": Command("find a text in this conversation and the saved ones", _search, "TEXT"),
    "/set": Command("set a parameter; alone, show them all; 'default' unsets", _set, "[PARAMETER VALUE]"),
    "/system": Command("set the system message; alone, show it", _system, "[TEXT]"),
    "/image": Command("show the model a picture with the next question", _image, "FILE"),
    "/model": Command("have another model answer; alone, list them", _model, "[NAME]"),
    "/quit": Command("leave; so do /bye, /exit and Ctrl-D", _quit),
}
_ALIASES = {"/bye": "/quit", "/exit": "/quit", "/?": "/help"}
