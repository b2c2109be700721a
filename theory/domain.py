"""Bounds on the parameters of the demos, and the one line a reader gets for a value outside."""

import math

from theory.errors import DomainError

LARGEST_SEED = 2**63 - 1


def require_seed(seed: int) -> None:
    """Accept a seed from 0 to 2^63 - 1.

    Raises:
        DomainError: naming what came and what is allowed.
    """
    require_between("seed", seed, 0, LARGEST_SEED)


def require_between(
    name: str, value: float, low: float, high: float, *, otherwise: str = ""
) -> None:
    """Accept ``value`` if ``low <= value <= high``.

    ``otherwise`` says what would happen outside, where there is more to say than the bounds.

    Raises:
        DomainError: naming the parameter, what came and what is allowed.
    """
    if not (low <= value <= high and value < math.inf):
        reason = f"; {otherwise}" if otherwise else ""
        raise DomainError(
            f"{name} must be from {_shown(low)} to {_shown(high)}, got {_shown(value)}{reason}"
        )


def require_below(name: str, value: float, low: float, high: float, *, otherwise: str = "") -> None:
    """Accept ``value`` if ``low <= value < high``.

    Raises:
        DomainError: naming the parameter, what came and what is allowed.
    """
    if not low <= value < high:
        reason = f"; {otherwise}" if otherwise else ""
        raise DomainError(
            f"{name} must be at least {_shown(low)} and below {_shown(high)}, "
            f"got {_shown(value)}{reason}"
        )


def require_positive(name: str, value: float) -> None:
    """Accept ``value`` if it is finite and above 0.

    Raises:
        DomainError: naming the parameter, what came and what is allowed.
    """
    if not (math.isfinite(value) and value > 0.0):
        raise DomainError(f"{name} must be finite and above 0, got {value:.10g}")


def _shown(value: float) -> str:
    # A whole number in full: one of 400 digits is too large for a format of floats. What is a
    # little above 1 must not read 1, where 1 is allowed.
    if isinstance(value, int):
        return str(value)
    short = f"{value:.10g}"
    return short if float(short) == value or math.isnan(value) else repr(value)
