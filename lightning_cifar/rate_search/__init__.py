"""A learning rate for a network that has none.

In: a module and its batches. Out: the rate, with the range test and the race that led to it, kept
under a hash of all that decides it. Uses ``data``, ``runs`` and ``stack``.
"""
