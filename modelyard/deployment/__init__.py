"""Modelyard in containers on this host: what is here, what runs, and the steps from one to the other.

Knows Docker's engine and compose. The commands `up`, `down`, `logs`, `doctor`, `upgrade`, `rollback`, `bundle` use it.
"""
