"""How sure a trained network is, and how right.

In: a classifier and images. Out: Monte Carlo dropout, temperature scaling, scores with intervals,
predictions of pictures. Uses ``data`` and ``runs``.
"""
