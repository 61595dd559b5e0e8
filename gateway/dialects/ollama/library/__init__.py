"""Ollama's models: what is installed, what is loaded, and what may be done to it."""
