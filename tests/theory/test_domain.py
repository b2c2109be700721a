"""Bounds on parameters, and the whole line that a reader gets for a value outside."""

import math

import pytest

from theory.domain import require_below, require_between, require_positive, require_seed
from theory.errors import DomainError

CASES = {
    "above": (
        lambda: require_between("width", 8, 1, 7),
        "width must be from 1 to 7, got 8",
    ),
    "below, with a reason": (
        lambda: require_between("share", 0.25, 0.5, 1, otherwise="it would sink"),
        "share must be from 0.5 to 1, got 0.25; it would sink",
    ),
    "infinite": (
        lambda: require_between("rate", math.inf, 0, math.inf),
        "rate must be from 0 to inf, got inf",
    ),
    "longer than any float": (
        lambda: require_between("width", 10**400, 1, 7),
        f"width must be from 1 to 7, got {10**400}",
    ),
    "a seed": (
        lambda: require_seed(-1),
        "seed must be from 0 to 9223372036854775807, got -1",
    ),
    "hardly above": (
        lambda: require_between("share", 1 + 1e-15, 0, 1),
        f"share must be from 0 to 1, got {1 + 1e-15}",
    ),
    "at the open end": (
        lambda: require_below("rate", 1, 0, 1),
        "rate must be at least 0 and below 1, got 1",
    ),
    "before the start, with a reason": (
        lambda: require_below("rate", -0.5, 0, 1, otherwise="none is left"),
        "rate must be at least 0 and below 1, got -0.5; none is left",
    ),
    "not a number": (
        lambda: require_below("rate", math.nan, 0, 1),
        "rate must be at least 0 and below 1, got nan",
    ),
    "zero": (lambda: require_positive("step", 0), "step must be finite and above 0, got 0"),
    "endless": (
        lambda: require_positive("step", math.inf),
        "step must be finite and above 0, got inf",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_value_outside_is_refused_with_what_is_allowed(case):
    check, message = CASES[case]
    with pytest.raises(DomainError) as refusal:
        check()
    assert str(refusal.value) == message


def test_values_at_the_closed_ends_pass():
    require_between("width", 1, 1, 7)
    require_between("width", 7, 1, 7)
    require_seed(0)
    require_seed(2**63 - 1)
    require_below("rate", 0, 0, 1)
    require_below("rate", 1 - 1e-12, 0, 1)
    require_positive("step", 1e-300)
