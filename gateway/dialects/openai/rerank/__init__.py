"""POST /v1/rerank, as Cohere and Jina have it."""
