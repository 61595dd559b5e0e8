# ruff: noqa: RUF001, E501 - the marks are written with these letters; a transcript is one text
"""What models of each family write, in our own words: answers with calls, and answers that only look like it for a while."""

from __future__ import annotations

from gateway.domain.generation import Tool
from gateway.prompting.tool_calls.deepseek import DeepSeek
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.gemma import GemmaCalls, GemmaCode
from gateway.prompting.tool_calls.granite import Granite
from gateway.prompting.tool_calls.hermes import Hermes
from gateway.prompting.tool_calls.llama_json import LlamaJson
from gateway.prompting.tool_calls.mistral import Mistral
from gateway.prompting.tool_calls.phi import Phi
from gateway.prompting.tool_calls.pythonic import Pythonic
from gateway.prompting.tool_calls.qwen_xml import QwenXml
from tests.gateway.prompting.transcripts import Read

BERGEN = '{"city": "Bergen", "days": 3}'
ODD = '{"text":"a \\"}]{[ \\\\ </tool_call> größe 🦜", "deep": {"list": [1, {"x": null}]}}'
TOOLS = (
    Tool(
        "forecast",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "exact": {"type": "boolean"},
                "where": {"anyOf": [{"type": "object"}, {"type": "null"}]},
                "zip": {"type": "string"},
            },
        },
    ),
    Tool("rain"),
)
DS_ONE = "<｜tool▁call▁begin｜>"
DS_END = "<｜tool▁call▁end｜>"
DS_SEP = "<｜tool▁sep｜>"

# The family, what the model writes, and what it is. Text is kept but for white space beside a call.
CALLS: dict[str, tuple[Family, str, Read]] = {
    "hermes": (
        Hermes(),
        f'<tool_call>\n{{"name": "forecast", "arguments": {BERGEN}}}\n</tool_call>',
        Read("", (("forecast", BERGEN),)),
    ),
    "hermes with words around two": (
        Hermes(),
        f'I will look.\n\n<tool_call>\n{{"name": "forecast", "arguments": {BERGEN}}}\n</tool_call>\n<tool_call>\n{{"name": "rain", "arguments": {{}}}}\n</tool_call>\nWait.',
        Read("I will look.Wait.", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "hermes arguments first, odd": (
        Hermes(),
        f'<tool_call>{{"arguments": {ODD}, "id": 7, "name": "forecast"}}</tool_call>',
        Read("", (("forecast", ODD),)),
    ),
    "hermes odd": (Hermes(), f'<tool_call>{{"name":"f","arguments":{ODD}}}</tool_call>', Read("", (("f", ODD),))),
    "hermes without an end": (
        Hermes(),
        f'<tool_call>{{"name": "forecast", "arguments": {BERGEN}}}',
        Read("", (("forecast", BERGEN),)),
    ),
    "hermes arguments in a text": (
        Hermes(),
        '<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>',
        Read("", (("f", '{"a": 1}'),)),
    ),
    "hermes no arguments": (Hermes(), '<tool_call>{"name": "rain"}</tool_call>', Read("", (("rain", "{}"),))),
    "hermes null arguments": (
        Hermes(),
        '<tool_call>{"name": "rain", "arguments": null}</tool_call>',
        Read("", (("rain", "{}"),)),
    ),
    "qwen xml": (
        QwenXml(),
        'Yes.\n<tool_call>\n<function=forecast>\n<parameter=city>\nNew\nYork\n</parameter>\n<parameter=days>\n3\n</parameter>\n<parameter=exact>\nTrue\n</parameter>\n<parameter=where>\n{"a": 1}\n</parameter>\n<parameter=zip>\n0123\n</parameter>\n</function>\n</tool_call>',
        Read(
            "Yes.",
            (
                (
                    "forecast",
                    '{"city": "New\\nYork", "days": 3, "exact": true, "where": {"a": 1}, "zip": "0123"}',
                ),
            ),
        ),
    ),
    "qwen xml without its outer mark": (
        QwenXml(),
        "<function=rain>\n</function>\n</tool_call>",
        Read("", (("rain", "{}"),)),
    ),
    "qwen xml as json": (
        QwenXml(),
        f'<tool_call>{{"name": "forecast", "arguments": {BERGEN}}}</tool_call>',
        Read("", (("forecast", BERGEN),)),
    ),
    "llama json": (LlamaJson(), f'{{"name": "forecast", "parameters": {BERGEN}}}', Read("", (("forecast", BERGEN),))),
    "llama json tagged, two": (
        LlamaJson(),
        f'<|python_tag|>{{"type": "function", "name": "forecast", "parameters": {BERGEN}}}; {{"name": "rain", "parameters": {{}}}}<|eom_id|>',
        Read("", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "pythonic": (
        Pythonic(),
        "[forecast(city='Bergen', days=3), tools.rain(), f(a=[1, -2.5], b={'x': True, 'y': null}, c=\"it's )\")]",
        Read(
            "",
            (
                ("forecast", BERGEN),
                ("tools.rain", "{}"),
                ("f", '{"a": [1, -2.5], "b": {"x": true, "y": null}, "c": "it\'s )"}'),
            ),
        ),
    ),
    "pythonic with marks": (
        Pythonic(),
        'Well: <|python_start|>[forecast(city="Bergen", days=3)]<|python_end|>',
        Read("Well:", (("forecast", BERGEN),)),
    ),
    "lfm": (
        Pythonic(),
        '<|tool_call_start|>[forecast(city="Bergen", days=3)]<|tool_call_end|>Looking.',
        Read("Looking.", (("forecast", BERGEN),)),
    ),
    "mistral": (
        Mistral(),
        f'[TOOL_CALLS] [{{"name": "forecast", "arguments": {BERGEN}}}, {{"name": "rain", "arguments": {{}}, "id": "abcdefghi"}}]</s>',
        Read("", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "mistral new": (
        Mistral(),
        f"So.[TOOL_CALLS]forecast[ARGS]{BERGEN}[TOOL_CALLS]rain[CALL_ID]abc123def[ARGS]{{}}</s>",
        Read("So.", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "deepseek v3": (
        DeepSeek(),
        f"<｜tool▁calls▁begin｜>{DS_ONE}function{DS_SEP}forecast\n```json\n{BERGEN}\n```{DS_END}\n{DS_ONE}function{DS_SEP}rain\n```json\n{{}}\n```{DS_END}<｜tool▁calls▁end｜><｜end▁of▁sentence｜>",
        Read("", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "deepseek v3.1": (
        DeepSeek(),
        f"Let me see.<｜tool▁calls▁begin｜>{DS_ONE}forecast{DS_SEP}{BERGEN}{DS_END}{DS_ONE}rain{DS_SEP}{{}}{DS_END}<｜tool▁calls▁end｜>",
        Read("Let me see.", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "phi": (
        Phi(),
        f'functools[{{"name": "forecast", "arguments": {BERGEN}}}, {{"name": "rain", "parameters": {{}}}}]',
        Read("", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "phi marked": (
        Phi(),
        f'<|tool_call|>[{{"name": "forecast", "arguments": {BERGEN}}}]<|/tool_call|><|end|>',
        Read("", (("forecast", BERGEN),)),
    ),
    "granite": (
        Granite(),
        f'<|tool_call|>[{{"name": "forecast", "arguments": {BERGEN}}}, {{"arguments": {{}}, "name": "rain"}}]',
        Read("", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "granite plain mark": (
        Granite(),
        f'Sure <tool_call>[{{"name": "forecast", "arguments": {BERGEN}}}]',
        Read("Sure", (("forecast", BERGEN),)),
    ),
    "function gemma": (
        GemmaCalls(),
        "<start_function_call>call:forecast{city:<escape>Bergen<escape>,days:3}<end_function_call><start_function_call>call:rain{}<end_function_call>",
        Read("", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "gemma 4": (
        GemmaCalls(),
        'Fine.<|tool_call>call:f{a:<|"|>x, y}<|"|>,b:{<|"|>c<|"|>:[1,2.5,true,<|"|>z<|"|>]},d:null,e:later}<tool_call|>',
        Read("Fine.", (("f", '{"a": "x, y}", "b": {"c": [1, 2.5, true, "z"]}, "d": null, "e": "later"}'),)),
    ),
    "gemma code": (
        GemmaCode(),
        "Here:\n```tool_code\nprint(forecast(city='Bergen', days=3))\nrain()\n```",
        Read("Here:", (("forecast", BERGEN), ("rain", "{}"))),
    ),
    "gemma json": (
        GemmaCode(),
        f'```json\n{{"name": "forecast", "parameters": {BERGEN}}}\n```',
        Read("", (("forecast", BERGEN),)),
    ),
}

# What looks like a call for a while and is none comes back as it was.
NO_CALLS: dict[str, tuple[Family, str]] = {
    "hermes no json": (Hermes(), "a <tool_call>forecast(Bergen)</tool_call> b"),
    "hermes no name": (Hermes(), '<tool_call>{"arguments": {"a": 1}}</tool_call>'),
    "hermes brackets": (Hermes(), '<tool_call>{"arguments": {"a": [1}, "name": "f"}</tool_call>'),
    "hermes cut": (Hermes(), 'x\n<tool_call>{"name": "fore'),
    "hermes list of numbers": (Hermes(), '<tool_call>{"name": "f", "arguments": [1]}</tool_call>'),
    "hermes half a mark": (Hermes(), "1 < 2 and <tool_cal"),
    "qwen xml": (QwenXml(), "<tool_call>\nnothing</tool_call> <function=>"),
    "qwen xml cut": (QwenXml(), "<function=forecast><parameter=city>Berg"),
    "llama an answer in json": (LlamaJson(), '{"city": "Bergen", "name": "x"}\n'),
    "llama a name only": (LlamaJson(), '{"name": "Bergen"} is it'),
    "llama json later": (LlamaJson(), 'See {"name": "f", "parameters": {}}'),
    "pythonic a list": (Pythonic(), "[1] says so"),
    "pythonic a link": (Pythonic(), "[text](address)"),
    "pythonic places": (Pythonic(), "[f(1, 2)]"),
    "pythonic starred": (Pythonic(), "[f(**x)] "),
    "pythonic code": (Pythonic(), "[f(a=open('x'))]"),
    "pythonic cut": (Pythonic(), "[f(a='"),
    "mistral": (Mistral(), "[TOOL_CALLS]!"),
    "mistral cut": (Mistral(), "[TOOL_CALLS]forecast[ARGS]"),
    "deepseek": (DeepSeek(), f"<｜tool▁calls▁begin｜>{DS_ONE}f{DS_SEP}x\n{DS_END}"),
    "phi": (Phi(), "import functools\nfunctools.wraps"),
    "granite": (Granite(), "<|tool_call|>none"),
    "gemma": (GemmaCalls(), "<start_function_call>call:f{a:1,b<end_function_call>"),
    "gemma deep": (GemmaCalls(), "<start_function_call>call:f{a:" + "[" * 99 + "}<end_function_call>"),
    "gemma code": (GemmaCode(), "```tool_code\nimport os\n```"),
    "gemma an answer in json": (GemmaCode(), '```json\n{"city": "Bergen"}\n```'),
}
