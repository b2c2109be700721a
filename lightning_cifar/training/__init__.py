"""The callbacks that every fit has.

In: what a trainer reports. Out: the best weights, the progress shown, the record, and the points
from which a run resumes. Uses ``runs`` and ``rate_search``.
"""
