"""A Triton backend for language models on OpenVINO GenAI, with the tensor contract of Triton's vLLM backend.

`model.py` is Triton's face; the engine runs in a process of its own (`engine_process.py`), because its step holds
Python's lock and nothing could be received, sent or cancelled meanwhile.
"""
