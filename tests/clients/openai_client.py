"""What the unmodified `openai` library gets: an answer, a stream, a forced tool call, JSON to a schema, a refusal."""

from __future__ import annotations

import json
import sys

import openai

url, model = sys.argv[1:]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
question = [{"role": "user", "content": "What is Modelyard?"}]
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Oslo", "Lima"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
verdict = {
    "type": "object",
    "properties": {"good": {"type": "boolean"}},
    "required": ["good"],
    "additionalProperties": False,
}

whole = client.chat.completions.create(model=model, messages=question, temperature=0, max_tokens=24)
stream = client.chat.completions.create(
    model=model,
    messages=question,
    temperature=0,
    max_tokens=24,
    stream=True,
    stream_options={"include_usage": True},
)
chunks = list(stream)
called = client.chat.completions.create(
    model=model, messages=question, tools=[weather], tool_choice="required", max_tokens=200
)
calls = called.choices[0].message.tool_calls or []
judged = client.chat.completions.create(
    model=model,
    messages=question,
    max_tokens=60,
    response_format={"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": verdict}},
)
try:
    client.chat.completions.create(model=model, messages=question, web_search_options={})
    refused = None
except openai.BadRequestError as error:
    refused = error.param

print(
    json.dumps(
        {
            "models": [each.id for each in client.models.list()],
            "text": whole.choices[0].message.content,
            "finish_reason": whole.choices[0].finish_reason,
            "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
            "stream_tokens": chunks[-1].usage.completion_tokens if chunks[-1].usage else None,
            "whole_tokens": whole.usage.completion_tokens if whole.usage else None,
            "calls": [[call.function.name, json.loads(call.function.arguments)] for call in calls],
            "call_reason": called.choices[0].finish_reason,
            "judged": json.loads(judged.choices[0].message.content or "null"),
            "refused": refused,
        }
    )
)
