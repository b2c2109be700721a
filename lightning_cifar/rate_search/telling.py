"""What a search says while it runs: about ten lines, the same on a terminal and in a log."""

import time
from collections.abc import Callable, Sequence
from typing import final

from lightning_cifar.rate_search.search import Candidate, Note, RangeTest

LINES = 8  # of the first race; a race that goes on beyond its outermost rate has one

Say = Callable[[str], None]


@final
class Telling:
    """Hands lines to ``say``: the bracket, the state of the race now and then."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.is_first = True

    def race(self, test: RangeTest, rates: Sequence[float]) -> Note:
        """Say that a race begins; what it is to call after each epoch."""
        begun = (
            f"range test: the training loss is lowest near {test.rate_of_lowest_loss:.2g}; "
            f"short fits at {shown(rates)} follow"
            if self.is_first
            else f"a better rate may lie outside these; short fits at {shown(rates)} follow"
        )
        lines, self.is_first = LINES if self.is_first else 1, False
        self.say(begun)
        started = time.monotonic()

        def note(runs: Sequence[Candidate], done: int, total: int) -> None:
            if done * lines // total == (done - 1) * lines // total:
                return
            left = (time.monotonic() - started) / done * (total - done)
            best = min(runs, key=lambda run: run.best)
            lost = shown([run.rate for run in runs if run.diverged])
            self.say(
                f"short fits, epoch {done}/{total}: best val_loss {best.best:.3f} at "
                f"{best.rate:.2g}{lost and f', diverged: {lost}'}, about {left:.0f} s left"
            )

        return note


def shown(rates: Sequence[float]) -> str:
    """Rates in a few digits."""
    return " ".join(f"{rate:.2g}" for rate in rates)
