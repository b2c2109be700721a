"""Finding a learning rate: a range test brackets it, a short race of candidates decides.

The range test (Smith 2015, "Cyclical learning rates", section 3.3) is read on a logarithmic axis,
with an average that is not biased towards its start. It only says about where training breaks;
candidates around it are trained side by side and judged on the validation loss.

The race is short, and a short race at constant rates is won by rates that are too low: a high one
learns more, which shows only when it has come down. So the candidates come down, by 1cycle, and a
constant rate is to the top of the cycle as the means of the two schedules over all their steps.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lightning_cifar.errors import InputError

LOWEST_RATE = 1e-6
HIGHEST_RATE = 1.0
RANGE_STEPS = 200
MEMORY = 0.9  # of the moving average, per step
BLOWN_UP = 4.0  # times the lowest average: nothing more to learn above this rate
FACTOR = 2.0  # between neighbouring candidates
EXTENSIONS = 4  # at most so many times the race goes on beyond its outermost rate
LEARNED = 0.95  # of a uniform guess's loss; a winner above it has hardly learned
TIE = 0.005  # relative difference of validation losses that 5,000 images do not tell apart


@dataclass(frozen=True)
class RangeTest:
    """Training loss at rates that rise step by step, with its unbiased moving average."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]

    @property
    def rate_of_lowest_loss(self) -> float:
        """The rate at which the average was lowest: beyond it, steps do more harm than good."""
        return self.rates[min(range(len(self.rates)), key=self.smoothed.__getitem__)]


def unbiased_average(losses: list[float]) -> float:
    """Mean of ``losses`` with weights that fall by ``MEMORY`` per step into the past."""
    recent = losses[-100:]  # older ones weigh less than 3e-5
    weights = [MEMORY**age for age in range(len(recent))]
    weighted = sum(weight * loss for weight, loss in zip(weights, reversed(recent), strict=True))
    return weighted / sum(weights)


def candidates(test: RangeTest, count: int, share: float) -> tuple[float, ...]:
    """``count`` rates a factor 2 apart, highest first, for a fit with a schedule of its own.

    A good top of a 1cycle schedule lies within a factor 2 of the rate at which the loss is lowest
    for a moment (docs/decisions.md 40), and the winner should have neighbours on both sides.

    share: what part of such a top the fit's rate is: 0.5 for a constant one.
    """
    highest = test.rate_of_lowest_loss * share * FACTOR**2
    return tuple(highest / FACTOR**index for index in range(count))


def beyond(race: tuple["Candidate", ...], reached: float) -> tuple[float, ...]:
    """The next two rates, highest first, outside a race whose outermost rate has won; else none.

    Where nobody came below what the range test reached, all rates are too high, whoever is ahead:
    then the next ones are far below. On images that are told apart easily the test's loss stays
    low up to rates at which no training holds.

    race: by falling rate. reached: the lowest average of the range test.
    """
    highest, lowest = race[0].rate, race[-1].rate
    winner = winner_of(race)
    if not winner.best < reached:
        return lowest / FACTOR**2, lowest / FACTOR**4
    if winner.rate == highest:
        return highest * FACTOR**2, highest * FACTOR
    if winner.rate == lowest:
        return lowest / FACTOR, lowest / FACTOR**2
    return ()


@dataclass(frozen=True)
class Candidate:
    """One rate in the race: its validation losses by epoch; a diverged one ends in infinity."""

    rate: float
    val_losses: tuple[float, ...]

    @classmethod
    def of(cls, rate: float, losses: Sequence[float], diverged: bool = False) -> "Candidate":
        """From losses as they were measured; ``diverged``: before the next one could be."""
        finite = [loss if math.isfinite(loss) else math.inf for loss in losses]
        return cls(rate, (*finite, math.inf) if diverged else tuple(finite))

    @property
    def best(self) -> float:
        """The lowest validation loss, infinite if there is none."""
        return min(self.val_losses, default=math.inf)

    @property
    def diverged(self) -> bool:
        """Whether it has left the race."""
        return self.val_losses[-1:] == (math.inf,)


@dataclass(frozen=True)
class SearchResult:
    """The rate found, with the curve and the race that led to it."""

    rate: float
    test: RangeTest
    race: tuple[Candidate, ...]

    def has_learned(self, classes: int) -> bool:
        """Whether the race's winner came visibly below the loss of guessing among ``classes``."""
        return winner_of(self.race).best < LEARNED * math.log(classes)


Race = Callable[[tuple[float, ...]], tuple[Candidate, ...]]
# What a race calls: the candidates so far, how many epochs are done, and of how many.
Note = Callable[[Sequence[Candidate], int, int], None]


def search(test: RangeTest, race: Race, count: int, share: float) -> SearchResult:
    """Run the race over the bracket, and beyond it while that may be better; its winner.

    share: see ``candidates``.

    Raises:
        InputError: the loss is not finite from the first step, or every candidate diverged.
    """
    if not test.rates:
        raise InputError(
            "the training loss is not finite before the first step: check the scale of the input"
        )
    runners = race(candidates(test, count, share))
    for _ in range(EXTENSIONS):
        further = beyond(runners, min(test.smoothed))
        if not further:
            break
        together = (*runners, *race(further))
        runners = tuple(sorted(together, key=lambda runner: runner.rate, reverse=True))
    winner = winner_of(runners)
    if not math.isfinite(winner.best):
        raise InputError(
            f"no learning rate from {runners[-1].rate:.1e} to {runners[0].rate:.1e} trains this "
            "network: check the scale of its input"
        )
    return SearchResult(winner.rate, test, runners)


def winner_of(race: tuple[Candidate, ...]) -> Candidate:
    """The highest rate among those whose validation loss ties with the lowest.

    The race is shorter than the training it is for, and small steps look better in a short one.
    """
    lowest = min(candidate.best for candidate in race)
    tied = [candidate for candidate in race if candidate.best <= lowest * (1 + TIE)]
    return max(tied, key=lambda candidate: candidate.rate)
