"""The models that are installed, for all of their life: list, copy, remove, verify, tidy up, carry to another host.

One module each; all of them are right while a service runs and while others do the same.
"""
