"""One seed and a few counters to an independent random generator."""

import numpy as np
import torch


def derived_generator(seed: int, *counters: int) -> torch.Generator:
    """A CPU generator that is a pure function of ``seed`` and ``counters``, all non-negative.

    The numbers are mixed rather than added, so that (seed 0, epoch 1) and (seed 1, epoch 0) share
    nothing (NumPy's ``SeedSequence``). The CPU is used because a GPU draws other numbers.
    """
    state = np.random.SeedSequence((seed, *counters)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
