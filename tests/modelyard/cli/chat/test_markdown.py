"""Markdown that comes in pieces ends up on the screen as if it had come at once."""

from __future__ import annotations

import io
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from modelyard.cli.chat.markdown import markdown_stream

TEXT = """# A title

Some *words* in a
paragraph.

1. one
2. two
   - inner

```python
def f():

    return "# no title"
```

| a | b |
|---|---|
| 1 | 2 |

> said by others

The end"""


def _shown(pieces: list[str]) -> str:
    console = Console(file=io.StringIO(), width=60, height=20, force_terminal=False)
    with markdown_stream(console) as stream:
        for piece in pieces:
            stream.write(piece)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, len(TEXT)), max_size=30))
def test_the_pieces_make_no_difference(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(TEXT)]
    pieces = [TEXT[start:end] for start, end in itertools.pairwise(ends)]
    assert _shown(pieces) == _shown(list(TEXT))


def test_every_block_is_printed_once_with_a_line_between() -> None:
    shown = "\n".join(line.rstrip() for line in _shown([TEXT]).splitlines())
    assert shown.startswith("A title\n\nSome words in a paragraph.\n\n 1 one\n 2 two\n    • inner\n\n def f():\n")
    assert shown.count("return") == shown.count("The end") == 1


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet=st.sampled_from("a`*#-|> \n1.[]()<&~_"), max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    _shown([text[:50], text[50:]])


def test_a_block_higher_than_the_screen_is_whole_in_the_end() -> None:
    code = "```\n" + "\n".join(f"line {number};" for number in range(100)) + "\n```\n"
    shown = _shown(list(code))
    assert [f"line {number};" in shown for number in range(100)] == [True] * 100
    assert shown.count("line 50;") == 1
