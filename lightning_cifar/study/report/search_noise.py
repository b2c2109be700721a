"""How much of the spread over seeds comes from the searches for a learning rate.

Each seed has its own search, so that every interval already contains the noise of the search.
Here the variance between the runs of a condition is split by a regression of the accuracy on the
logarithm of the rate: what the rate explains is the part of the search.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from lightning_cifar.study.measures import MEASURES
from lightning_cifar.study.plan_file import cells_of
from lightning_cifar.study.study_files import Cell, Study

FEWEST_RUNS = 4  # two are lost to the line


@dataclass(frozen=True)
class Split:
    """Sums of squares about the mean and about the line, with their degrees of freedom.

    In squared points of test accuracy.
    """

    total: float
    total_freedom: int
    rest: float
    rest_freedom: int

    @property
    def variance(self) -> float:
        """Between the runs."""
        return self.total / self.total_freedom

    @property
    def between_searches(self) -> float:
        """The variance that the rates explain, free of bias but for being cut off at 0."""
        return max(self.variance - self.rest / self.rest_freedom, 0.0)

    @property
    def share(self) -> float:
        """Of the searches in the variance, and so in that of any mean over seeds."""
        return self.between_searches / self.variance if self.variance else math.nan


@dataclass(frozen=True)
class Searches:
    """The rates found for the runs of one condition.

    Attributes:
        rates: one for each run, rising.
        split: None where all runs share a rate, or are too few.
    """

    cell: Cell
    rates: tuple[float, ...]
    split: Split | None


def searches_of(study: Study) -> list[Searches]:
    """The conditions whose rates were searched, in the order of the plan."""
    found = []
    for cell in cells_of(study):
        runs = [each for each in study.runs(*cell) if each.run.learning_rate_source == "search"]
        if runs:
            accuracy = MEASURES["test_accuracy"].of
            points = [(run.run.learning_rate, accuracy(run)) for run in runs if not run.failure]
            rates = tuple(sorted(run.run.learning_rate for run in runs))
            found.append(Searches(cell, rates, split(points)))
    return found


def split(points: Sequence[tuple[float, float]]) -> Split | None:
    """Split the variance of accuracies by the rates they were reached with."""
    rates, accuracies = np.array(points, np.float64).reshape(-1, 2).T
    if len(rates) < FEWEST_RUNS or len(set(rates)) == 1:
        return None
    line = np.polynomial.Polynomial.fit(np.log(rates), accuracies, 1)
    rest = ((accuracies - line(np.log(rates))) ** 2).sum()
    total = ((accuracies - accuracies.mean()) ** 2).sum()
    return Split(float(total), len(rates) - 1, float(rest), len(rates) - 2)


def together(searches: Sequence[Searches]) -> Split | None:
    """All conditions as one split, each about its own line."""
    splits = [each.split for each in searches if each.split]
    if not splits:
        return None
    return Split(*map(sum, zip(*map(astuple, splits), strict=True)))
