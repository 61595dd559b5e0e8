"""A Triton backend for images on OpenVINO GenAI: Stable Diffusion 1.x to 3, LCM and Flux.

`model.py` is Triton's face, `painter.py` the engine; requests, pictures and the queue are in `common/images`.
"""
