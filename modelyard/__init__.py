"""The shared vocabulary of Modelyard: settings, errors, entries, cards, and the command line.

Knows nothing of HTTP dialects, tensors or exporters; `gateway` and `converters` build on it.
"""

__version__ = "0.1.0"
