"""Go's prompt templates as the Jinja that chat templates are written in.

Knows Jinja and the tree of a Go template; renders nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.dialects.ollama.generation.go_template import If, Node, Output, Range, Text, is_go, quoted, read
from modelyard.errors import FieldRefused


def to_jinja(template: str, *, field: str) -> str:
    """A Go template as Jinja; Jinja as it is. Raises FieldRefused, naming what cannot be translated."""
    if not is_go(template):
        return template
    tree = read(template, field=field)
    try:
        return _of_messages(tree) if _walks_messages(tree) else _of_turns(tree)
    except RecursionError:
        raise FieldRefused(field, "it is nested too deeply") from None


def _walks_messages(nodes: Sequence[Node]) -> bool:
    return any(
        isinstance(node, Range) or (isinstance(node, If) and _walks_messages((*node.then, *node.otherwise)))
        for node in nodes
    )


def _jinja(nodes: Sequence[Node]) -> str:
    return "".join(_of_node(node) for node in nodes)


def _of_node(node: Node) -> str:
    # A text is an expression too, so nothing in it can be taken for Jinja.
    if isinstance(node, Text):
        return f"{{{{ {quoted(node.text)} }}}}"
    if isinstance(node, Output):
        return f"{{{{ {node.expression} }}}}"
    if isinstance(node, Range):
        return "{% for m in messages %}" + _jinja(node.body) + "{% endfor %}"
    then, otherwise = _jinja(node.then), _jinja(node.otherwise)
    return f"{{% if {node.condition} %}}{then}{{% else %}}{otherwise}{{% endif %}}"


def _of_messages(tree: Sequence[Node]) -> str:
    return _CONTENT + _SYSTEM + _jinja(tree)


def _of_turns(tree: tuple[Node, ...]) -> str:
    """A template of one turn is gone through once for each, and the last time up to where the answer begins."""
    opening, has_answer = _up_to_answer(tree)
    whole = tree if has_answer else (*tree, Output("Response", answer=True))
    return (
        _CONTENT
        + "{%- macro turn(System, Prompt, Response) -%}"
        + _jinja(whole)
        + "{%- endmacro -%}{%- macro opening(System, Prompt, Response) -%}"
        + _jinja(opening)
        + "{%- endmacro -%}"
        + _TURNS
    )


def _up_to_answer(nodes: Sequence[Node]) -> tuple[tuple[Node, ...], bool]:
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, Output) and node.answer:
            return tuple(kept), True
        if isinstance(node, If):
            then, in_then = _up_to_answer(node.then)
            otherwise, in_otherwise = _up_to_answer(node.otherwise)
            kept.append(If(node.condition, then, otherwise))
            if in_then or in_otherwise:
                return tuple(kept), True
        else:
            kept.append(node)
    return tuple(kept), False


_CONTENT = (
    "{%- macro content(m) -%}"
    "{%- if m.content is string -%}{{ m.content }}"
    "{%- else -%}{%- for part in m.content or [] -%}{%- if part.type == 'text' -%}{{ part.text }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{%- endmacro -%}"
)
_SYSTEM = (
    "{%- set found = namespace(System='') -%}"
    "{%- for m in messages -%}{%- if m.role == 'system' -%}"
    "{%- set found.System = found.System ~ ('\\n\\n' if found.System else '') ~ content(m) -%}"
    "{%- endif -%}{%- endfor -%}"
    "{%- set System, Prompt, Response, Messages = found.System, '', '', messages -%}"
)
_TURNS = (
    "{%- set at = namespace(System='', Prompt='', Response='') -%}"
    "{%- for m in messages -%}"
    "{%- if (m.role == 'system' and (at.Prompt or at.Response)) or (m.role == 'user' and at.Response) -%}"
    "{{ turn(at.System, at.Prompt, at.Response) }}"
    "{%- set at.System = '' -%}{%- set at.Prompt = '' -%}{%- set at.Response = '' -%}"
    "{%- endif -%}"
    "{%- if m.role == 'system' -%}"
    "{%- set at.System = at.System ~ ('\\n\\n' if at.System else '') ~ content(m) -%}"
    "{%- elif m.role == 'user' -%}"
    "{%- set at.Prompt = at.Prompt ~ ('\\n\\n' if at.Prompt else '') ~ content(m) -%}"
    "{%- elif m.role == 'assistant' -%}"
    "{%- set at.Response = at.Response ~ ('\\n\\n' if at.Response else '') ~ content(m) -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{{ opening(at.System, at.Prompt, '') }}{{ at.Response }}"
)
