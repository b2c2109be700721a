"""How many of a CPU's threads a step keeps busy."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lightning_cifar.native.library import kernels

# A step of a narrow network is some sixty short products. PyTorch's threads meet after each of
# them, and where another program has a core for a while, all wait for it: two threads on 32 rows
# gain up to a fifth on an idle machine, and take two to four times as long on a busy one. Ours
# meet a few times in a step, and one goes on alone while the others keep it waiting
# (benchmarks/step_threads.py).
ROWS_PER_THREAD, OF_OUR_KERNELS = 32, 16


@contextmanager
def threads_for(rows: int, like: Tensor) -> Iterator[None]:
    """Give PyTorch a thread for every 32 rows, of those it has now; afterwards all again.

    With compiled kernels one for every 16.

    rows: of all members together. A rule and no measurement, so that a step of PyTorch's kernels
    adds up its numbers in the same order whenever it is made; ours do for any number.
    like: a tensor of the type and on the device of the step's.
    """
    every = torch.get_num_threads()
    if like.device.type != "cpu" or every == 1:
        yield
        return
    rows_per_thread = ROWS_PER_THREAD if kernels(like) is None else OF_OUR_KERNELS
    torch.set_num_threads(max(1, min(every, rows // rows_per_thread)))
    try:
        yield
    finally:
        torch.set_num_threads(every)
