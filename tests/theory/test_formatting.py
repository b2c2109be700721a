"""Figures as text, and the sentence of a check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rejection import rejected

from theory.claim import Check
from theory.formatting import bound, figure, measured, sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01, "< 0.01"), (1e-12, "< 1e-12"), (0.0, "< 0"), (99800.0, "< 99800"), (2 / 3, "< 0.667")],
    ids=str,
)
def test_bounds_have_no_idle_zeros(value, text):
    assert bound(Check("", 0.0, "<", value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (12.0, "12"),
        (-3.0, "-3"),
        (0.63714, "0.637"),
        (0.0012345, "0.00123"),
        (138629.4, "139000"),
        (0.00012345, "1.23e-04"),
        (1.5777e-29, "1.58e-29"),
        (2763088.5, "2.76e+06"),
        (9.996, "10.0"),
        (999_999.0, "999999"),
        (1e6, "1.00e+06"),
        (999_999.5, "1.00e+06"),
        (0.001, "0.00100"),
        (0.0009996, "0.00100"),
        (float("inf"), "inf"),
    ],
    ids=str,
)
def test_figures_have_three_significant_digits(value, text):
    assert figure(value) == text


def stable_under_rounding(text):
    """The text of a figure is the same when the last bits of its computation differ."""

    @given(st.integers(-30, 30), st.integers(-30, 30))
    def check(first, second):
        one, other = (Check("", 1e-17 * noise, "<=", 1e-9) for noise in (first, second))
        assert text(one) == text(other)

    return check


def test_noise_is_never_printed():
    stable_under_rounding(measured)()


def test_three_digits_of_noise_are_rejected():
    with rejected():
        stable_under_rounding(lambda check: figure(check.value))()


@pytest.mark.parametrize(
    ("value", "relation", "limit", "text"),
    [
        (0.5, "<", 1.0, "0.500"),
        (2e-9, "==", 0.0, "2.00e-09"),  # an exact check shows what it found
        (1e-13, "==", 1e-13, "1.00e-13"),
        (3e-13, "<=", 3e-13, "3.00e-13"),  # a figure at its bound too
        (2e-9, "<=", 1e-6, "below 1e-06"),
        (2e-9, "<", 1e-6, "below 1e-06"),
        (-2e-9, "<", 1e-6, "below 1e-06"),
        (2e-13, "<", 1e-6, "0 (to rounding)"),
        (1e-12, "<", 1e-6, "below 1e-06"),
        (2e-9, "<", 1e-5, "2.00e-09"),  # a bound that is no tolerance
        (2e-9, ">", 1e-10, "2.00e-09"),
        (2e-3, "<", 1e-6, "0.00200"),  # a figure that does not keep its bound
        (-2e-13, "<", 0.0, "0 (to rounding)"),
        (1e-12, ">", 0.5, "1.00e-12"),
        (2e-13, "==", 0.0, "2.00e-13"),  # of an exact check even noise is shown
        (-2e-9, "<=", 0.0, "-2.00e-09"),  # nothing is below a bound of 0
    ],
)
def test_a_measured_figure_says_what_matters(value, relation, limit, text):
    assert measured(Check("", value, relation, limit)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1000.0, "< 1000"), (1234.5, "< 1230"), (999.6, "< 1e+03"), (float("inf"), "< inf")],
)
def test_a_large_bound_is_written_out(value, text):
    assert bound(Check("", 0.0, "<", value)) == text


def test_a_check_in_one_line():
    assert sentence(Check("a share", 0.5, "<", 0.7)) == "a share: 0.500 (asked: < 0.7)"
    failed = "a share: 0.900 (asked: < 0.7, which it does not keep)"
    assert sentence(Check("a share", 0.9, "<", 0.7)) == failed
