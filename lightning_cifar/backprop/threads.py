"""How many of a CPU's threads a step keeps busy."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# A step of a narrow network is some sixty short products. PyTorch's threads meet after each of
# them, ours after a few, and where another program has a core for a while, all wait for it: two
# threads on 32 rows gain up to a quarter on an idle machine, and take up to three times as long on
# a busy one (benchmarks/step_threads.py).
ROWS_PER_THREAD = 32


@contextmanager
def threads_for(rows: int, device: torch.device) -> Iterator[None]:
    """Give PyTorch a thread for every 32 rows, of those it has now; afterwards all again.

    rows: of all members together. A rule and no measurement, so that a step adds up its numbers in
    the same order whenever it is made.
    """
    every = torch.get_num_threads()
    if device.type != "cpu" or every == 1:
        yield
        return
    torch.set_num_threads(max(1, min(every, rows // ROWS_PER_THREAD)))
    try:
        yield
    finally:
        torch.set_num_threads(every)
