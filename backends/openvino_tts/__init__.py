"""A Triton backend for text-to-speech on OpenVINO GenAI: SpeechT5 with its vocoder.

`model.py` is Triton's face; the pipeline runs in a process of its own (`pipeline.py`), one request at a time.
"""
