"""What the backends that make images share: their tensors, requests, pictures, and the queue before the pipeline.

Knows Pillow; knows no engine.
"""
