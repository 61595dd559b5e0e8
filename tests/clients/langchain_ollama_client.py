"""What `langchain-ollama` gets: an answer, a stream, what a bound tool adds to the prompt, and structured output."""

from __future__ import annotations

import json
import sys
from typing import Literal

from langchain_ollama import ChatOllama
from pydantic import BaseModel


class Weather(BaseModel):
    """The weather of a city."""

    city: Literal["Oslo", "Lima"]


url, model = sys.argv[1:]
chat = ChatOllama(base_url=url, model=model, temperature=0, num_predict=64)
question = "What is Modelyard?"

plain = chat.invoke(question)
bound = chat.bind_tools([Weather]).invoke(question)

print(
    json.dumps(
        {
            "text": plain.content,
            "prompt_tokens": [each.usage_metadata["input_tokens"] for each in (plain, bound)],
            "streamed": "".join(str(part.content) for part in chat.stream(question)),
            "structured": chat.with_structured_output(Weather, method="json_schema").invoke(question).model_dump(),
        }
    )
)
