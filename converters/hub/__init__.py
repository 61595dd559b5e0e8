"""The hub: what models there are, and their files brought into the cache, whole and checked.

Each file is one part of it: `access` how it is reached, `listing` what a model consists of, `fetch` bringing
files here, `ranges` reading a part of one, `search`. Knows nothing of what the files are for.
"""
