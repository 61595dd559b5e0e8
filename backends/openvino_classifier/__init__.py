"""A Triton backend for text classification on OpenVINO: texts in, a score for each label out.

`model.py` is Triton's face, `classifying.py` knows the tensors.
"""
