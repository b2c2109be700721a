"""The training step written by hand.

In: the layers of one network, or of a stack of networks, and their optimiser. Out: a step from raw
images to changed weights, made of calls on buffers that never move. Uses ``optim`` and the modules
beside the rooms.
"""
