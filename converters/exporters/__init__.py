"""One file per engine: a plan and a folder go in, the engine's files come out.

Knows nothing of entries or manifests.
"""
