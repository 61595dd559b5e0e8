"""Ollama's answers: /api/generate and /api/chat."""
