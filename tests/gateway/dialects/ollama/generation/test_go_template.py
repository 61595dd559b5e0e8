"""Go's prompt templates, translated and rendered by the environment that renders all templates."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.ollama.generation.go_template import is_go
from gateway.dialects.ollama.generation.go_to_jinja import to_jinja
from gateway.domain.content import Message
from modelyard.errors import FieldRefused
from tests.gateway.dialects.ollama.rendering import rendered

CHATML = """{{- if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ .Response }}<|im_end|>
"""
LLAMA3 = """{{- /* as Llama 3 */ -}}
{{- range .Messages }}<|start|>{{ .Role }}<|end|>

{{ .Content }}<|eot|>
{{- end }}<|start|>assistant<|end|>

{{ .Response }}"""

SYSTEM, ASKED = Message.of("system", "Be brief. 🦜 {{ System }} {% raw %}"), Message.of("user", "Why?")
SAID, AGAIN = Message.of("assistant", "So."), Message.of("user", "And now?")


def _prompt(template: str, *messages: Message) -> str:
    return rendered(to_jinja(template, field="template"), messages)


def test_one_turn_ends_where_the_answer_begins() -> None:
    assert _prompt(CHATML, SYSTEM, ASKED) == (
        "<|im_start|>system\nBe brief. 🦜 {{ System }} {% raw %}<|im_end|>\n"
        "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert _prompt(CHATML, ASKED) == "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"


def test_several_turns_go_through_it_one_by_one() -> None:
    assert _prompt("[{{ .System }}|{{ .Prompt }}|{{ .Response }}]", SYSTEM, ASKED, SAID, AGAIN) == (
        "[Be brief. 🦜 {{ System }} {% raw %}|Why?|So.][|And now?|"
    )


def test_the_beginning_of_an_answer_stands_at_the_end() -> None:
    assert _prompt("U:{{ .Prompt }} A:{{ .Response }};", ASKED, SAID) == "U:Why? A:So."


def test_a_template_without_an_answer_has_it_at_the_end() -> None:
    assert _prompt("U:{{ .Prompt }} A:", ASKED, SAID, AGAIN) == "U:Why? A:So.U:And now? A:"


def test_a_range_walks_through_the_messages() -> None:
    assert _prompt(LLAMA3, ASKED, SAID, AGAIN) == (
        "<|start|>user<|end|>\n\nWhy?<|eot|><|start|>assistant<|end|>\n\nSo.<|eot|>"
        "<|start|>user<|end|>\n\nAnd now?<|eot|><|start|>assistant<|end|>\n\n"
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('if eq .Role "user"', "Y"),
        ('if ne .Role "user"', "N"),
        ('if eq .Role "tool" "user"', "Y"),
        ('if and (eq .Role "user") $.System', "Y"),
        ('if or (eq .Role "tool") (not .Content)', "N"),
        ('if not (eq .Role "user")', "N"),
    ],
)
def test_conditions(condition: str, expected: str) -> None:
    template = "{{ range .Messages }}{{ " + condition + " }}Y{{ else if .Role }}N{{ else }}?{{ end }}{{ end }}"
    assert _prompt(template, Message.of("system", "s"), ASKED).endswith(expected)


@pytest.mark.parametrize(
    "template",
    [
        "{{ .Suffix }}{{ .Prompt }}",
        "{{ .Tools }}",
        "{{ if .System }}never closed",
        "{{ end }}",
        "{{ .Prompt | upper }}",
        "{{ range $i, $m := .Messages }}{{ end }}",
        "{{ with .System }}{{ . }}{{ end }}",
        "{{ $last := 1 }}{{ .Prompt }}",
        "{{ .Prompt",
        "{{ if eq .Prompt }}{{ end }}",
        "{{ range .Messages }}{{ .ToolCalls }}{{ end }}",
        "{{ if (eq .Prompt .System }}{{ end }}",
        "{{ if .System }}" * 3000 + "{{ end }}" * 3000,
        "{{ if " + "(not " * 3000 + ".System" + ")" * 3000 + " }}{{ end }}",
        "{{ .Prompt }}" * 9000,
    ],
    ids=lambda template: template[:30],
)
def test_what_is_beyond_is_refused_by_name(template: str) -> None:
    with pytest.raises(FieldRefused, match="template"):
        to_jinja(template, field="template")


@pytest.mark.parametrize(
    "template", ["{{ messages[0].content }}", "{% for m in messages %}{{ m.content }}{% endfor %}", "plain"]
)
def test_jinja_stays_as_it_is(template: str) -> None:
    assert not is_go(template)
    assert to_jinja(template, field="template") == template


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60).filter(lambda text: "{{" not in text))
def test_texts_come_through_unchanged(said: str, around: str) -> None:
    said, around = (text.encode("utf-8", "ignore").decode() for text in (said, around))
    if not around.endswith("{") and "{%" not in around:
        assert _prompt(around + "{{ .Prompt }}", Message.of("user", said)) == around + said


@settings(deadline=None)
@given(st.text(alphabet='{}-" .SystemPromptRespifelsndrangeMsRoC()$', max_size=80))
def test_nonsense_is_translated_or_refused(template: str) -> None:
    with suppress(FieldRefused):
        assert isinstance(to_jinja(template, field="template"), str)
