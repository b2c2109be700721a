"""Sample sizes and bands for checks that rest on random draws.

A band is the distance from the expected figure that a right statement leaves with a stated, tiny
probability (the false-alarm rate). The sample size follows from that rate and from the smallest
error that must not go unnoticed; it is never chosen by feel.
"""

from math import ceil, exp, log, sqrt
from statistics import NormalDist

from theory.claim import Check
from theory.errors import DomainError

FALSE_ALARM_RATE = 1e-9  # per check; a billion runs of a right statement give one alarm


def mean_band(
    samples: int, false_alarm_rate: float = FALSE_ALARM_RATE, *, span: float = 1.0
) -> float:
    """Half-width of the two-sided band of a mean of independent values within ``span``.

    Source: Hoeffding 1963, theorem 2. Needs no distribution, only the bounds of the values.

    Raises:
        DomainError: for fewer than one sample or a rate outside (0, 1).
    """
    _require_sample(samples)
    _require_rate(false_alarm_rate)
    return span * sqrt(log(2.0 / false_alarm_rate) / (2.0 * samples))


def samples_needed(
    error: float, false_alarm_rate: float = FALSE_ALARM_RATE, *, span: float = 1.0
) -> int:
    """Draws after which a mean that is wrong by ``error`` is noticed.

    The band is half the error, so that both a false alarm and a miss have at most
    ``false_alarm_rate`` (Hoeffding 1963, solved for the number of draws).

    Raises:
        DomainError: for an error that is not positive or a rate outside (0, 1).
    """
    if not error > 0.0:
        raise DomainError(f"error must be above 0, got {error}")
    _require_rate(false_alarm_rate)
    return ceil(2.0 * log(2.0 / false_alarm_rate) * (span / error) ** 2)


def normal_quantile(false_alarm_rate: float = FALSE_ALARM_RATE) -> float:
    """Standard errors that a normal figure leaves, on either side, with ``false_alarm_rate``.

    Raises:
        DomainError: for a rate outside (0, 1).
    """
    _require_rate(false_alarm_rate)
    return -NormalDist().inv_cdf(false_alarm_rate / 2.0)


def standard_error_band(
    standard_deviation: float, samples: int, false_alarm_rate: float = FALSE_ALARM_RATE
) -> float:
    """Half-width of the band of a mean whose values have a known ``standard_deviation``.

    Rests on the central limit theorem: for hundreds of draws that are not heavy-tailed.

    Raises:
        DomainError: for fewer than one sample or a rate outside (0, 1).
    """
    _require_sample(samples)
    return normal_quantile(false_alarm_rate) * standard_deviation / sqrt(samples)


def variance_band(
    samples: int, false_alarm_rate: float = FALSE_ALARM_RATE, *, kurtosis: float = 3.0
) -> float:
    """Half-width, relative to the true variance, of the band of a sample variance.

    ``kurtosis`` is the fourth standardised moment: 3 for a normal, 1.8 for a uniform distribution.
    The relative standard error of a mean square is sqrt((kurtosis - 1) / samples).

    Raises:
        DomainError: for fewer than one sample or a rate outside (0, 1).
    """
    return standard_error_band(sqrt(kurtosis - 1.0), samples, false_alarm_rate)


def share_alarm_rate(samples: int, margin: float) -> float:
    """Chance that a share of ``samples`` falls ``margin`` or more below its expected value.

    Source: Hoeffding 1963, theorem 1, one-sided.

    Raises:
        DomainError: for fewer than one sample or a negative margin.
    """
    _require_sample(samples)
    if margin < 0.0:
        raise DomainError(f"margin must be at least 0, got {margin}")
    return exp(-2.0 * samples * margin**2)


def mean_check(
    quantity: str,
    mean: float,
    expected: float,
    *,
    samples: int,
    span: float = 1.0,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Check:
    """Check that a sampled ``mean`` lies within its band around ``expected``.

    ``span`` is the width of the interval that holds every single value.
    """
    band = mean_band(samples, false_alarm_rate, span=span)
    return Check(
        f"{quantity}: distance from the expected {expected:g}",
        abs(mean - expected),
        "<=",
        band,
        false_alarm_rate=false_alarm_rate,
        detects=f"a shift of {2.0 * band:.2g}",
        samples=samples,
    )


def _require_rate(false_alarm_rate: float) -> None:
    if not 0.0 < false_alarm_rate < 1.0:
        raise DomainError(f"false_alarm_rate must lie between 0 and 1, got {false_alarm_rate}")


def _require_sample(samples: int) -> None:
    if samples < 1:
        raise DomainError(f"samples must be at least 1, got {samples}")
