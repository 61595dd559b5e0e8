"""A Triton backend for cross-encoders on OpenVINO: a query and documents in, a score for each document out.

`model.py` is Triton's face, `ranking.py` knows the tensors.
"""
