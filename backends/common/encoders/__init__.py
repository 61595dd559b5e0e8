"""What the backends of encoder models share: tokens, batches of like length, the network, and joining what waits.

A backend beside this package adds what is its own: which tensors it has and what becomes of the network's numbers.
"""
