"""A Triton backend for images with Diffusers on PyTorch: whatever pipeline makes images from text, on CUDA or a CPU.

`model.py` is Triton's face, `painter.py` the engine; requests, pictures and the queue are in `common/images`.
"""
