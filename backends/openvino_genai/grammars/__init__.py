"""What `structured_outputs` asks for, written as a grammar of the engine's kind (EBNF with `root`).

The engine's own conversions of schemas and expressions leave out what they do not know, and let a model write white
space without end. Here whatever cannot be kept is refused by name, and white space is bounded.
"""
