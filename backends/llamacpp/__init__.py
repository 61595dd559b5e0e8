"""A Triton backend for GGUF files on llama.cpp's own server loop, with the tensor contract of Triton's vLLM backend.

`model.py` is Triton's face; the engine runs in a process of its own (`engine_process.py`), because llama.cpp ends the
process that it is in when it meets what it did not expect.
"""
