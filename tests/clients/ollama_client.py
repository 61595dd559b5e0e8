"""What the unmodified `ollama` library gets: chats, streams, JSON to a schema, and what it says of the models."""

from __future__ import annotations

import asyncio
import json
import sys

import ollama

url, model = sys.argv[1:]
client = ollama.Client(host=url)
messages = [{"role": "user", "content": "What is Modelyard?"}]
options = {"temperature": 0, "num_predict": 24}
schema = {
    "type": "object",
    "properties": {"good": {"type": "boolean"}},
    "required": ["good"],
    "additionalProperties": False,
}

whole = client.chat(model=model, messages=messages, options=options)
parts = list(client.chat(model=model, messages=messages, options=options, stream=True))
continued = client.generate(model=model, prompt="What is Modelyard?", options=options)
tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
tooled = client.chat(model=model, messages=messages, tools=[tool], options=options)
judged = client.chat(model=model, messages=messages, format=schema, options={"num_predict": 60})
try:
    client.chat(model="not-installed", messages=messages)
    missing = 0
except ollama.ResponseError as error:
    missing = error.status_code


async def from_the_other_client() -> str | None:
    answer = await ollama.AsyncClient(host=url).chat(model=model, messages=messages, options=options)
    return answer.message.content


print(
    json.dumps(
        {
            "models": [each.model for each in client.list().models],
            "running": [each.model for each in client.ps().models],
            "capabilities": client.show(model).capabilities,
            "text": whole.message.content,
            "done_reason": whole.done_reason,
            "durations": [whole.total_duration, whole.eval_duration, whole.prompt_eval_duration],
            "counts": [whole.eval_count, whole.prompt_eval_count],
            "prompt_tokens": [whole.prompt_eval_count, tooled.prompt_eval_count],
            "streamed": "".join(part.message.content or "" for part in parts),
            "done": [part.done for part in parts[-2:]],
            "generated": continued.response,
            "judged": json.loads(judged.message.content or "null"),
            "missing": missing,
            "async": asyncio.run(from_the_other_client()),
        }
    )
)
