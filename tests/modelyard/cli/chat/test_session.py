"""The chat as a person has it: on a real terminal, against parrots in a real Triton."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.modelyard.cli.terminal import ALT_ENTER, CTRL_C, CTRL_D, ENTER, Terminal
from tests.modelyard.conftest import Served

Opened = Callable[..., Terminal]
PROMPT = ">>> "
SLOW = "words=400 delay=0.05"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_chat_remembers_what_was_said_and_ends_with_quit(terminal: Opened) -> None:
    chat = terminal("run", "polly", "--verbose")
    chat.expect(PROMPT)
    chat.line("say=script <<<the first answer>>>")
    chat.expect("the first answer")
    chat.expect("tokens in, ")
    chat.line("say=prompt what was it?")
    chat.expect("the first answer")  # it is in the prompt now, which the parrot repeats
    chat.expect("tokens/s")
    chat.line("/quit")
    assert chat.wait() == 0


def test_ctrl_c_stops_the_answer_and_not_the_program(terminal: Opened, served: Served) -> None:
    cancelled = served.triton.outcomes("cancelled")
    chat = terminal("run", "polly", "--max-tokens", "400")
    chat.expect(PROMPT)
    chat.line(SLOW)
    chat.expect("cracker")
    chat.type(CTRL_C)
    chat.expect("(stopped)")
    chat.line("/history")
    chat.expect("polly wants a cracker")  # what was said stays
    chat.line("say=script <<<going on>>>")
    chat.expect("going on\n")  # what is typed is drawn more than once, and nothing of it ends so
    chat.expect(PROMPT)
    chat.type(CTRL_D)
    assert chat.wait() == 0
    assert served.triton.outcomes("cancelled") == cancelled + 1


def test_ctrl_c_at_the_prompt_empties_the_line(terminal: Opened) -> None:
    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    chat.type("never sent" + CTRL_C)
    chat.expect("Ctrl-D or /quit leaves")
    chat.line("say=script <<<sent>>>")
    chat.expect("<<<sent>>>")
    chat.expect("sent")
    chat.line("/history")
    assert "never sent" not in chat.expect("say=script")
    chat.line("/bye")
    assert chat.wait() == 0


def test_a_text_may_have_several_lines(terminal: Opened) -> None:
    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    chat.type('"""say=script' + ENTER + "<<<one" + ENTER + ENTER + 'two>>>"""' + ENTER)
    chat.expect('two>>>"""')
    chat.expect("one")
    chat.expect("two")
    chat.type("say=script" + ALT_ENTER + "<<<three>>>" + ENTER)
    chat.expect("<<<three>>>")
    chat.expect("three")
    chat.line("/exit")
    assert chat.wait() == 0


def test_a_conversation_is_saved_found_and_gone_on_with(terminal: Opened, asking: dict[str, str]) -> None:
    chat = terminal("run", "polly", "--system", "be short", "--temperature", "0.5")
    chat.expect(PROMPT)
    chat.line("say=script <<<a rare word: ornithology>>>")
    chat.expect("ornithology>>>")
    chat.expect("ornithology")
    chat.line("/save birds")
    chat.expect("saved as birds")
    chat.line("/quit")
    assert chat.wait() == 0
    data = Path(asking["XDG_DATA_HOME"]) / "modelyard"
    file = data / "conversations/birds.json"
    assert _mode(file) == _mode(data / "history") == 0o600
    assert json.loads(file.read_text())["messages"][-1] == {
        "role": "assistant",
        "content": "a rare word: ornithology",
    }

    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    chat.line("/search ORNITHOLOGY")
    chat.expect("birds, the model: a rare word: ornithology")
    chat.line("/load")
    chat.expect("saved: birds")
    chat.line("/load birds")
    chat.expect("going on with birds: 1 question, model polly")
    chat.line("/set temperature")
    chat.expect("temperature  0.5")
    chat.line("/system")
    chat.expect("be short")
    chat.line("/clear")
    chat.expect("the conversation is empty")
    chat.line("/history")
    chat.expect("nothing has been said yet")
    chat.line("/quit")
    assert chat.wait() == 0


def test_what_is_set_reaches_the_model(terminal: Opened) -> None:
    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    chat.line("/set temperature 0.25")
    chat.expect("temperature is 0.25")
    chat.line("/set top_p 2")
    chat.expect("top_p cannot be '2': 0 to 1")
    chat.line("/set seed 7")
    chat.expect("seed is 7")
    chat.line("/set markdown off")
    chat.expect("markdown is False")
    chat.line("say=sampling")
    sampling = chat.expect("}")
    assert '"temperature": 0.25' in sampling
    assert '"seed": 7' in sampling
    chat.line("/quit")
    assert chat.wait() == 0


def test_code_is_highlighted_and_its_fences_are_gone(terminal: Opened) -> None:
    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    chat.type('"""say=script <<<Look:' + ENTER + "```python" + ENTER + "def bird(): return 1" + ENTER)
    chat.type("```" + ENTER + 'Done.>>>"""' + ENTER)
    chat.expect("Done.\n")
    answer = chat.shown.rpartition('Done.>>>"""')[2]  # the line that is typed is drawn more than once
    assert "def bird(): return 1" in answer
    assert "```" not in answer
    assert b"mdef\x1b[" in chat.raw  # in a colour of its own
    chat.line("/quit")
    assert chat.wait() == 0


def test_wrong_commands_and_engine_errors_are_said_and_the_chat_goes_on(terminal: Opened) -> None:
    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    for line, said in [
        ("/fly", "there is no /fly"),
        ("/save", "/save needs NAME"),
        ("/load ../up", "cannot name a conversation"),
        ("/load nothing", "no conversation is saved as 'nothing'"),
        ("/image README.md", "README.md is no picture that models read"),
        ("/image missing.png", "No such file"),
        ("/model eagle", "there is no model 'eagle'"),
        ("/set wings 2", "'wings' is no parameter"),
        ("raise=INTERNAL", "told to raise INTERNAL"),
    ]:
        chat.line(line)
        chat.expect(line)
        chat.expect(said)
    chat.line("say=script <<<all is well>>>")
    chat.expect("well>>>")
    chat.expect("all is well")
    chat.line("/quit")
    assert chat.wait() == 0


def test_a_picture_that_is_refused_does_not_stay_in_the_way(terminal: Opened, tmp_path: Path) -> None:
    for form in ("GIF", "BMP"):
        Image.new("RGB", (4, 4), "teal").save(tmp_path / f"a.{form.lower()}")
    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    chat.line(f"/image {tmp_path / 'a.bmp'}")
    chat.expect("PNG, JPEG, WebP and GIF are read")
    chat.line(f"/image {tmp_path / 'a.gif'}")
    chat.expect("1 image for the next question")
    chat.line("words=1")
    chat.expect("this model cannot see images")
    chat.expect("its pictures are put away")
    chat.line("say=script <<<all is well>>>")
    chat.expect("well>>>")
    chat.expect("all is well")
    chat.line("/quit")
    assert chat.wait() == 0


def test_tab_completes_a_command(terminal: Opened) -> None:
    chat = terminal("run", "polly")
    chat.expect(PROMPT)
    chat.type("/hist")
    chat.expect("show what was said")  # the menu
    chat.type("\t" + ENTER)
    chat.expect("nothing has been said yet")
    chat.line("/quit")
    assert chat.wait() == 0
