"""What `langchain-openai` gets: an answer, a stream, a bound tool, and structured output."""

from __future__ import annotations

import json
import sys
from typing import Literal

from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Weather(BaseModel):
    """The weather of a city."""

    city: Literal["Oslo", "Lima"]


url, model = sys.argv[1:]
chat = ChatOpenAI(base_url=f"{url}/v1", api_key="none", model=model, temperature=0, max_tokens=64, max_retries=0)
question = "What is Modelyard?"
called = chat.bind_tools([Weather], tool_choice="required").invoke(question)
structured = chat.with_structured_output(Weather, method="json_schema").invoke(question)

print(
    json.dumps(
        {
            "text": chat.invoke(question).content,
            "streamed": "".join(str(part.content) for part in chat.stream(question)),
            "calls": [[call["name"], call["args"]] for call in called.tool_calls],
            "structured": structured.model_dump(),
        }
    )
)
