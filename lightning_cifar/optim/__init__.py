"""The optimiser and the schedules.

In: parameters of a network or of a stack, and a rate. Out: ``FlatNAdam`` and the factors of a
schedule. Uses no other room.
"""
