# ruff: noqa: E501 - checkpoints write their templates in long lines
"""Our rendering equals transformers' own, for templates of the kinds that checkpoints bring; and it is bounded."""

from __future__ import annotations

import re

import pytest
from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from gateway.domain.content import Message, Text
from gateway.domain.generation import GenerationRequest
from gateway.prompting.messages import manners_of, to_messages
from gateway.prompting.preparing import Prompts
from gateway.prompting.templates import TemplateFailed
from gateway.prompting.templates import render as render_variables
from modelyard.card import ModelCard
from modelyard.errors import InvalidInput

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}

# Written for this test, each with the features of a family's template and none of its words.
CHATML = """{%- for message in messages -%}
    {{- '<|start|>' + message['role'] + '\\n' + message.content | trim + '<|end|>' + '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"""

DATED = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{%- set date_string = strftime_now("%Y") %}{% else %}{% set date_string = "x" %}{%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
<<system>>
Year: {{ date_string }}
{% if tools is not none %}{{ tools | tojson(indent=4) }}{% endif %}
{{ system_message }}<<end>>
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<<' + message['role'] + '>>\\n\\n' + message['content'] | trim + '<<end>>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<<assistant>>\\n\\n' }}{%- endif %}
"""

ALTERNATING = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set first = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% endif %}
{% for message in loop_messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('roles must alternate user/assistant/user/assistant') }}
{% endif %}
{% if message['role'] == 'user' %}
{% if loop.first and first is defined %}{{ '[I] ' + first + '\\n\\n' + message['content'] + ' [/I]' }}{% else %}{{ '[I] ' ~ message['content'] ~ ' [/I]' }}{% endif %}
{% elif message['role'] == 'assistant' %}
{{ ' ' + message['content'] + eos_token }}
{% endif %}
{% endfor %}"""

NO_SYSTEM = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('a system role is not known') }}{% endif %}
{% for message in messages %}
{%- if (message['role'] == 'assistant') -%}{%- set role = 'model' -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
{{ '<turn>' + role + '\\n' + (message['content'] if message['content'] is string else '') | trim + '</turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<turn>model\\n' }}{%- endif -%}"""

REASONING = """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}
{% set ns = namespace(is_first=false, system_prompt='', count=0) %}
{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}
{{ bos_token }}{{ ns.system_prompt }}
{%- for message in messages %}
{%- if message['role'] == 'user' %}{%- set ns.count = ns.count + 1 -%}{{ '<U>' + message['content'] }}{%- endif %}
{%- if message['role'] == 'assistant' and message['content'] is not none %}
{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}
{{ '<A>' + content.lstrip('\\n') + eos_token }}
{%- endif %}
{%- endfor -%}
{% if add_generation_prompt %}{{ '<A><think>\\n' }}{% endif %}{{ ns.count }}"""

BACKWARDS = """{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and not(message.content.startswith('<r>') and message.content.endswith('</r>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- set reasoning = '' %}
    {%- if message.role == "assistant" %}
        {%- if '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or (not loop.last and reasoning)) %}
            {{- '@' + message.role + '\\n<think>' + reasoning.strip('\\n') + '</think>' + content }}
        {%- else %}
            {{- '@' + message.role + '\\n' + content }}
        {%- endif %}
    {%- else %}
        {{- '@' + message.role + '\\n' + content }}
    {%- endif %}
    {%- if loop.previtem is defined %}|{{ loop.previtem.role }}{% endif %}{{ loop.cycle('a', 'b') }}
{%- endfor %}
{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think></think>' }}{%- endif %}"""

MACROS = """{%- macro shown(name, value, depth=0) -%}
{{ '  ' * depth }}{{ name | upper }}={{ value | tojson }}{% if value is mapping %}{% for key, inner in value | dictsort %}{{ shown(key, inner, depth + 1) }}{% endfor %}{% endif %}
{%- endmacro -%}
{%- for message in messages -%}
{%- if message.role == 'system' %}{% continue %}{% endif -%}
{{ shown('message', message) }}
{%- generation %}{{ message.content }}{% endgeneration %}
{%- if loop.index > 3 %}{% break %}{% endif -%}
{%- endfor -%}
{{ messages | map(attribute='role') | list | join(',') }}{{ messages | selectattr('role', 'equalto', 'user') | list | length }}
{{ {'b': 1, 'a': [1, 2.5, none, true, 'ü<&>']} | tojson(sort_keys=true, separators=(',', ':')) }}
{{ range(3) | list }}{{ "%s-%d" % ('x', 3) }}{{ messages[0].get('name', 'nobody') }}{{ 7 // 2 }}{{ 2 ** 8 }}"""

TEMPLATES = {
    "chatml": CHATML,
    "dated": DATED,
    "alternating": ALTERNATING,
    "no_system": NO_SYSTEM,
    "reasoning": REASONING,
    "backwards": BACKWARDS,
    "macros": MACROS,
}
CONVERSATIONS = {
    "one": [("user", "  Hello <b>&amp; 'you' \"there\"\n")],
    "three": [
        ("user", "Hi"),
        ("assistant", "<think>\nhm\n</think>\n\nYes? größe 日本 🦜"),
        ("user", "{{ 7*7 }} {% raw %}"),
    ],
    "system": [("system", " Be\nkind. "), ("user", "Hi"), ("assistant", "Hello"), ("user", "<r>x</r>")],
    "two_users": [("user", "a"), ("user", "b")],
}


def render(source: str, messages: list[Message], special_tokens: dict[str, str]) -> str:
    return render_variables(
        source,
        {
            **special_tokens,
            "messages": to_messages(messages, manners_of(source)),
            "tools": None,
            "documents": None,
            "add_generation_prompt": True,
        },
    )


async def _prepared(card: ModelCard, *messages: Message) -> str:
    return str((await Prompts().prepare(card, GenerationRequest("m", messages))).asked.prompt)


def _messages(conversation: str) -> list[Message]:
    return [Message.of(role, text) for role, text in CONVERSATIONS[conversation]]  # type: ignore[arg-type]


@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_prompt_is_what_transformers_would_make_of_it(template: str, conversation: str) -> None:
    given = [{"role": role, "content": text} for role, text in CONVERSATIONS[conversation]]
    source = TEMPLATES[template]
    wanted, refusal = _transformers(source, given)
    if refusal is not None:
        with pytest.raises(InvalidInput, match=re.escape(refusal)):
            render(source, _messages(conversation), TOKENS)
    else:
        assert render(source, _messages(conversation), TOKENS) == wanted


def _transformers(source: str, given: list[dict[str, str]]) -> tuple[str, str | None]:
    """What transformers makes of it: a prompt, or a refusal."""
    try:
        return render_jinja_template([given], chat_template=source, add_generation_prompt=True, **TOKENS)[0][0], None
    except TemplateError as error:
        return "", str(error)


async def test_what_a_template_refuses_is_the_callers_to_mend() -> None:
    card = ModelCard(chat_template=NO_SYSTEM, special_tokens=TOKENS)
    with pytest.raises(InvalidInput, match="a system role is not known"):
        await _prepared(card, Message.of("system", "x"))


async def test_a_model_without_a_template_takes_no_messages() -> None:
    with pytest.raises(InvalidInput, match="/v1/completions"):
        await _prepared(ModelCard(), Message.of("user", "x"))


async def test_a_long_conversation_is_rendered_too() -> None:
    card = ModelCard(chat_template="{% for m in messages %}{{ m.content }}{% endfor %}")
    text = "x" * 100_000
    assert await _prepared(card, Message.of("user", text)) == text


def test_a_developer_is_a_system_where_the_template_does_not_know_one() -> None:
    plain = "{% for m in messages %}{{ m.role }}{% endfor %}"
    assert render(plain, [Message.of("developer", "x")], {}) == "system"
    knowing = plain + "{# developer #}"
    assert render(knowing, [Message.of("developer", "x")], {}) == "developer"


def test_parts_are_lines_and_a_name_is_given() -> None:
    message = Message("user", (Text("a"), Text("b")), name="Ana")
    assert render("{{ messages[0].name }}: {{ messages[0].content }}", [message], {}) == "Ana: a\nb"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(x) %}{% for b in range(99999) %}{% endfor %}{% endmacro %}{% for a in range(99999) %}{{ f(a) }}{% endfor %}",
        "{{ 'a' * 99999999999 }}",
        "{{ 99999999999 * [1] }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for %}",
        "{{ ",
        "{% include 'x' %}{{",
    ],
)
def test_a_template_that_is_wrong_or_goes_on_for_ever_is_the_models_fault(source: str) -> None:
    with pytest.raises(TemplateFailed):
        render(source, [Message.of("user", "x")], {})


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ messages[0].update({'a': 1}) }}",
        "{{ modelyard_budget.step.__globals__.x }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(source: str) -> None:
    with pytest.raises(InvalidInput):
        render(source, [Message.of("user", "x")], {})
