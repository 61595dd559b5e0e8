"""What the unmodified `anthropic` library gets: a message, a stream, a forced tool call, a refusal."""

from __future__ import annotations

import json
import sys

import anthropic

url, model = sys.argv[1:]
client = anthropic.Anthropic(base_url=url, api_key="none", max_retries=0)
messages = [{"role": "user", "content": "What is Modelyard?"}]
weather = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Oslo", "Lima"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
}

whole = client.messages.create(model=model, messages=messages, max_tokens=24, extra_body={"temperature": 0})
with client.messages.stream(model=model, messages=messages, max_tokens=24, extra_body={"temperature": 0}) as stream:
    streamed = "".join(stream.text_stream)
    final = stream.get_final_message()
called = client.messages.create(
    model=model, messages=messages, max_tokens=200, tools=[weather], tool_choice={"type": "any"}
)
try:
    client.messages.create(model="not-installed", messages=messages, max_tokens=1)
    missing = 0
except anthropic.NotFoundError as error:
    missing = error.status_code

print(
    json.dumps(
        {
            "text": whole.content[0].text,
            "stop_reason": whole.stop_reason,
            "streamed": streamed,
            "tokens": [whole.usage.output_tokens, final.usage.output_tokens],
            "calls": [[block.name, block.input] for block in called.content if block.type == "tool_use"],
            "call_reason": called.stop_reason,
            "missing": missing,
        }
    )
)
