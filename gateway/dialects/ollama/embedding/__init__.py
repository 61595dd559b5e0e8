"""Ollama's embeddings: /api/embed and /api/embeddings."""
