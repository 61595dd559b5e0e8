"""What `llama-index` gets, through its OpenAI-like and its Ollama classes."""

from __future__ import annotations

import json
import sys

from llama_index.core.llms import ChatMessage
from llama_index.llms.ollama import Ollama
from llama_index.llms.openai_like import OpenAILike

url, model = sys.argv[1:]
question = [ChatMessage(role="user", content="What is Modelyard?")]
by_openai = OpenAILike(
    api_base=f"{url}/v1", api_key="none", model=model, is_chat_model=True, temperature=0, max_tokens=24
)
by_ollama = Ollama(base_url=url, model=model, temperature=0, request_timeout=120, additional_kwargs={"num_predict": 24})

print(
    json.dumps(
        {
            "openai": by_openai.chat(question).message.content,
            "openai_streamed": "".join(part.delta or "" for part in by_openai.stream_chat(question)),
            "ollama": by_ollama.chat(question).message.content,
            "ollama_streamed": "".join(part.delta or "" for part in by_ollama.stream_chat(question)),
        }
    )
)
