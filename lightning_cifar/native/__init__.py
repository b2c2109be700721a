"""Compiled kernels of a training step on a CPU; where they cannot be had, PyTorch's do.

The C compiler that is at hand makes them once, in seconds; they are kept in the user's cache.
"""
