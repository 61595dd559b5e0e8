"""The command line `modelyard`, short: `yard`. One file per group of commands.

Imports what is heavy only when a command runs, so that `--help` answers at once.
"""
