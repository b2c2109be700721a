"""What a search says while it runs: about ten lines, the same on a terminal and in a log."""

import time
from collections.abc import Callable, Sequence
from typing import final

from lightning_cifar.rate_search.search import Candidate, Note, RangeTest

LINES = 8  # of the first race; a race that goes on beyond its outermost rate has one

Say = Callable[[str], None]


def nothing(line: str) -> None:
    """Say nothing."""


@final
class Telling:
    """Hands lines to ``say``: the bracket, the state of the race now and then."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.races = 0

    def race(self, test: RangeTest, rates: Sequence[float]) -> Note:
        """Say that a race begins; what it is to call after each epoch."""
        lines = LINES if self.races == 0 else 1
        lowest = f"range test: the training loss is lowest near {test.rate_of_lowest_loss:.2g}"
        begun = lowest if self.races == 0 else "the best rate may lie outside"
        self.say(f"{begun}; racing {shown(rates)}")
        self.races += 1
        started = time.monotonic()

        def note(runs: Sequence[Candidate], done: int, total: int) -> None:
            if done * lines // total == (done - 1) * lines // total:
                return
            left = (time.monotonic() - started) / done * (total - done)
            best = min(runs, key=lambda run: run.best)
            racing = [run.rate for run in runs if not run.diverged]
            self.say(
                f"race, epoch {done}/{total}: {shown(racing) or 'no rate'} in it, "
                f"best val_loss {best.best:.3f} at {best.rate:.2g}, about {left:.0f} s left"
            )

        return note


def shown(rates: Sequence[float]) -> str:
    """Rates in a few digits."""
    return " ".join(f"{rate:.2g}" for rate in rates)
