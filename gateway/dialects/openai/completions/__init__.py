"""OpenAI's older completions of a text."""
