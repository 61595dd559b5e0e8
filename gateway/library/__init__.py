"""The models on this host's disk: what is installed, and how one is fetched, copied, made and removed over HTTP.

Reads and changes the repository by `modelyard.catalog`; knows no dialect.
"""
