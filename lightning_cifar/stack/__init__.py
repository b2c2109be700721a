"""Many networks of one kind trained as one.

In: classifiers of one variant. Out: ``StackedNetwork`` and its fit under one Trainer, with early
stopping, best weights and records for each member. Uses ``data``, ``optim`` and ``runs``.
"""
