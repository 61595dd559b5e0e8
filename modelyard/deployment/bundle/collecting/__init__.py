"""What goes into a bundle, gathered from where it is: the engine, the model repository, package indexes, the checkout.

One file for each kind. They know where things come from; they do not know the archive.
"""
