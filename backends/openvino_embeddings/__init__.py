"""A Triton backend for embeddings on OpenVINO: texts in, vectors out, pooled as sentence-transformers pools them.

`model.py` is Triton's face, `embeddings.py` knows the tensors, `pooling.py` the arithmetic.
"""
