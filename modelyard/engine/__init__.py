"""Triton: find it in the engine environment, lay it out, start it and end it.

Knows processes and files; does not know what the models are nor who asks them.
"""
