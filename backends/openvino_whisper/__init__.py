"""A Triton backend for speech recognition with Whisper on OpenVINO GenAI.

`model.py` is Triton's face; the pipeline runs in a process of its own (`pipeline.py`), one request at a time.
"""
