"""How often the study's 95 % intervals cover the truth, in simulated studies.

    python -m benchmarks.interval_coverage --out benchmarks/results/study/coverage.json

Differences are drawn with mean 0 and deviation 1, normal or skewed (gamma); an interval covers if
it holds 0. Beside it, of the same draws: the exact test inverted at 5 %, Student's t interval, and
that one with its centre moved for skewness (Johnson 1978).
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lightning_cifar.files import write_text_atomically
from lightning_cifar.study.sign_flips import LEVEL, confidence_interval

Values = NDArray[np.float64]
Interval = Callable[[Values], tuple[float, float]]
SEEDS, SKEWNESSES = (3, 6, 10), (0.0, 0.5, 1.0)


def main() -> None:
    """Simulate, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=50_000)
    parser.add_argument("--out", type=Path, help="coverage.json of a study's folder")
    options = parser.parse_args()
    coverage = {
        str(seeds): {
            f"{skewness:g}": covered(seeds, skewness, options.studies) for skewness in SKEWNESSES
        }
        for seeds in SEEDS
    }
    for seeds, shares in coverage.items():
        for skewness, share in shares.items():
            print(f"{seeds} seeds, skewness {skewness}:", end=" ")
            print(", ".join(f"{name} {covered:.2%}" for name, covered in share.items()))
    if options.out:
        result = {"studies": options.studies, "coverage": coverage}
        write_text_atomically(options.out, json.dumps(result, indent=1) + "\n")


def covered(seeds: int, skewness: float, studies: int) -> dict[str, float]:
    """The share of simulated studies whose interval holds the truth, by kind of interval."""
    draws = differences(
        np.random.default_rng([seeds, int(10 * skewness)]), skewness, seeds, studies
    )
    kinds: dict[str, Interval] = {
        "interval": confidence_interval,
        "inverted_at_5_percent": lambda values: confidence_interval(values, LEVEL),
        "student_t": student_t,
        "johnson_t": johnson_t,
    }
    return {
        name: float(np.mean([holds(kind(each)) for each in draws])) for name, kind in kinds.items()
    }


def differences(
    generator: np.random.Generator, skewness: float, seeds: int, studies: int
) -> Values:
    """Draws with mean 0, deviation 1 and a skewness, (studies, seeds)."""
    if skewness == 0:
        return generator.normal(size=(studies, seeds))
    shape = 4 / skewness**2
    return (generator.gamma(shape, size=(studies, seeds)) - shape) / math.sqrt(shape)


def holds(interval: tuple[float, float]) -> bool:
    """Whether an interval covers the truth, which is 0."""
    return interval[0] <= 0 <= interval[1]


def student_t(values: Values) -> tuple[float, float]:
    """Student's interval of the mean."""
    half = stats.t.ppf(1 - LEVEL / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def johnson_t(values: Values) -> tuple[float, float]:
    """Student's interval, its centre moved by the third moment / (6 n times the variance)."""
    low, high = student_t(values)
    shift = float(stats.kstat(values, 3)) / (6 * len(values) * values.var(ddof=1))
    return low + shift, high + shift


if __name__ == "__main__":
    main()
