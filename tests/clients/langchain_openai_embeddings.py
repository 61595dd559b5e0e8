"""What `langchain-openai` gets of an embedding model: vectors of texts, and of a question."""

from __future__ import annotations

import json
import sys

from langchain_openai import OpenAIEmbeddings

url, model = sys.argv[1:]
# Otherwise texts are cut into tokens of OpenAI's own models, by a table that is fetched from outside.
embedder = OpenAIEmbeddings(
    base_url=f"{url}/v1", api_key="none", model=model, check_embedding_ctx_length=False, max_retries=0
)
texts = ["The boats came in at dawn.", "Bread stays soft in a linen bag."]
print(json.dumps({"vectors": embedder.embed_documents(texts), "question": embedder.embed_query(texts[0])}))
