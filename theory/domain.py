"""Bounds on the parameters of the demos, and the one line a reader gets for a value outside."""

import math

from theory.errors import DomainError


def require_between(
    name: str, value: float, low: float, high: float, *, otherwise: str = ""
) -> None:
    """Accept ``value`` if ``low <= value <= high``.

    ``otherwise`` says what would happen outside, where there is more to say than the bounds.

    Raises:
        DomainError: naming the parameter, what came and what is allowed.
    """
    if not (math.isfinite(value) and low <= value <= high):
        reason = f"; {otherwise}" if otherwise else ""
        raise DomainError(
            f"{name} must be from {low:.10g} to {high:.10g}, got {value:.10g}{reason}"
        )


def require_below(name: str, value: float, low: float, high: float, *, otherwise: str = "") -> None:
    """Accept ``value`` if ``low <= value < high``.

    Raises:
        DomainError: naming the parameter, what came and what is allowed.
    """
    if not low <= value < high:
        reason = f"; {otherwise}" if otherwise else ""
        raise DomainError(
            f"{name} must be at least {low:.10g} and below {high:.10g}, got {value:.10g}{reason}"
        )


def require_positive(name: str, value: float) -> None:
    """Accept ``value`` if it is finite and above 0.

    Raises:
        DomainError: naming the parameter, what came and what is allowed.
    """
    if not (math.isfinite(value) and value > 0.0):
        raise DomainError(f"{name} must be finite and above 0, got {value:.10g}")
