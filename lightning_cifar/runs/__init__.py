"""What a fit leaves behind, and how it is read again.

In: settings, figures and weights. Out: run folders with a configuration, a record and sealed
checkpoints; whether and from where a run can be continued; exported networks. Uses no other room.
"""
