"""What the backends for language models share: the contract of Triton's vLLM backend, and an engine in its own process.

Knows requests, tokens, texts and processes; no engine and not Triton's classes. A backend adds its settings, its
tokenizer, its sampling parameters and the program of its engine process.
"""
