"""A checkpoint goes in, an entry of the model repository comes out.

Builds on `modelyard`; knows nothing of the gateway. Heavy libraries are imported inside functions.
"""
