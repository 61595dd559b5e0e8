"""What a conversation remembers, and what of it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelyard.cli.chat import conversation as conversations
from modelyard.cli.chat.conversation import Conversation
from modelyard.cli.chat.parameters import Parameters
from modelyard.cli.chat.prompt import is_open, without_fence
from modelyard.errors import InvalidInput

PNG = b"\x89PNG\r\n\x1a\n rest"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "modelyard"


def test_a_question_that_came_to_nothing_is_taken_back_and_its_pictures_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    talk = Conversation("m", images=[conversations.picture(tmp_path / "a.png")])
    sent = talk.ask("what is it?")
    assert [part["type"] for part in sent[0]["content"]] == ["text", "image_url"]
    assert sent[0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
    talk.answer("")
    assert talk.messages == []
    assert len(talk.images) == 1
    talk.ask("again")
    talk.answer("a parrot")
    assert talk.images == []
    assert list(talk.texts()) == [("user", "again [1 image]"), ("assistant", "a parrot")]


def test_the_system_message_is_sent_first_and_is_no_part_of_what_was_said() -> None:
    talk = Conversation("m", system="be short")
    assert [message["role"] for message in talk.ask("hello")] == ["system", "user"]
    assert len(talk.messages) == 1


def test_a_saved_conversation_comes_back(data: Path) -> None:
    talk = Conversation("m", system="s")
    talk.ask("größe 🦜")
    talk.answer("yes")
    conversations.save(talk, {"seed": 1}, "one")
    assert conversations.load("one") == (talk, {"seed": 1})
    assert conversations.saved() == ["one"]
    assert (data / "conversations").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", json.dumps({"model": "m", "system": None, "parameters": {}, "messages": [1]})]
)
def test_a_file_of_another_kind_is_refused(data: Path, content: str) -> None:
    folder = data / "conversations"
    folder.mkdir(parents=True)
    (folder / "odd.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"odd\.json is no conversation"):
        conversations.load("odd")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a" * 101])
def test_a_name_stays_in_its_folder(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot name a conversation"):
        conversations.save(Conversation("m"), {}, name)


@pytest.mark.parametrize(
    ("name", "word"),
    [("temperature", "3"), ("temperature", "warm"), ("max_tokens", "0"), ("think", "maybe"), ("keep_alive", "soon")],
)
def test_values_out_of_range_are_refused(name: str, word: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} cannot be '{word}'"):
        Parameters().set(name, word)


def test_parameters_become_fields_of_the_request() -> None:
    parameters = Parameters()
    for name, word in [("seed", "-1"), ("think", "off"), ("format", "json"), ("verbose", "on"), ("keep_alive", "10m")]:
        parameters.set(name, word)
    assert parameters.fields() == {
        "seed": -1,
        "chat_template_kwargs": {"enable_thinking": False},
        "response_format": {"type": "json_object"},
    }
    parameters.set("seed", "default")
    assert "seed" not in parameters.fields()


@pytest.mark.parametrize(
    ("typed", "text"),
    [('"""a\nb"""', "a\nb"), ('"""\na\n"""', "a"), ("plain", "plain"), ('say """x"""', 'say """x"""'), ("  ", "")],
)
def test_the_quotes_around_several_lines_are_no_part_of_them(typed: str, text: str) -> None:
    assert without_fence(typed) == text
    assert not is_open(typed)


def test_three_quotes_begin_a_text() -> None:
    assert is_open('"""a')
