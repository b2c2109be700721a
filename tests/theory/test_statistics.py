"""Bands and sample sizes: they cover what they promise, and no much wider band does."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rejection import rejected
from scipy import stats

from theory.errors import DomainError
from theory.statistics import (
    FALSE_ALARM_RATE,
    mean_band,
    mean_check,
    normal_quantile,
    samples_needed,
    share_alarm_rate,
    standard_error_band,
    variance_band,
)

RATES = st.floats(1e-12, 0.5)


def keeps_its_rate(band):
    """The exact binomial chance of leaving the band is at most the stated rate."""

    @given(st.integers(1, 3000), RATES, st.floats(0.01, 0.99))
    def check(samples, rate, chance):
        reach = band(samples, rate) * samples
        low, high = samples * chance - reach, samples * chance + reach
        below = stats.binom.cdf(math.ceil(low) - 1, samples, chance)
        above = stats.binom.sf(math.floor(high), samples, chance)
        assert below + above <= rate * (1 + 1e-9)

    return check


def test_the_mean_band_keeps_its_false_alarm_rate():
    keeps_its_rate(mean_band)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda samples, rate: mean_band(samples, rate) / 2,
        lambda samples, rate: mean_band(2 * samples, rate),
        lambda samples, rate: mean_band(samples, 100 * rate) if rate < 0.01 else 0.0,
    ],
    ids=["half", "twice the samples", "a hundred times the rate"],
)
def test_a_narrower_mean_band_is_rejected(wrong):
    with rejected():
        keeps_its_rate(wrong)()


@given(st.floats(1e-3, 1.0), RATES, st.floats(0.1, 10.0))
def test_samples_needed_make_the_band_half_the_error_and_no_fewer_do(error, rate, span):
    samples = samples_needed(error * span, rate, span=span)
    assert mean_band(samples, rate, span=span) <= error * span / 2 * (1 + 1e-9)
    if samples > 1:
        assert mean_band(samples - 1, rate, span=span) > error * span / 2 * (1 - 1e-9)


def test_known_sizes_and_quantiles():
    assert samples_needed(0.1, 1e-9) == 4284
    assert mean_band(2902, 1e-6) == pytest.approx(0.05, rel=1e-3)
    assert normal_quantile(1e-9) == pytest.approx(6.109, abs=1e-3)
    assert normal_quantile(0.05) == pytest.approx(1.95996, abs=1e-5)
    assert pytest.approx(1e-9) == FALSE_ALARM_RATE
    assert standard_error_band(2.0, 100, 0.05) == pytest.approx(0.391993, abs=1e-6)
    assert variance_band(800, 0.05) == pytest.approx(1.95996 * 0.05, abs=1e-6)
    assert variance_band(800, 0.05, kurtosis=1.8) == pytest.approx(1.95996 * 0.001**0.5, abs=1e-6)
    assert share_alarm_rate(100, 0.1) == pytest.approx(math.exp(-2.0))


@given(st.integers(1, 2000), st.floats(0.0, 0.4))
def test_a_share_rarely_falls_below_its_margin(samples, margin):
    low = stats.binom.cdf(math.floor(samples * (0.5 - margin)), samples, 0.5)
    assert low <= share_alarm_rate(samples, margin) * (1 + 1e-9)


def test_a_sampled_mean_is_accepted_and_a_shifted_one_rejected():
    samples = samples_needed(0.02)
    draws = torch.rand(samples, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    right = mean_check("mean", draws.mean().item(), 0.5, samples=samples)
    assert right.holds
    assert right.false_alarm_rate == FALSE_ALARM_RATE
    assert right.samples == samples
    assert right.detects == "a shift of 0.02"
    assert not mean_check("mean", draws.mean().item() + 0.02, 0.5, samples=samples).holds


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_band(0), "samples must be at least 1, got 0"),
        (lambda: mean_band(5, 0.0), "false_alarm_rate must lie between 0 and 1, got 0.0"),
        (lambda: samples_needed(0.0), "error must be above 0, got 0.0"),
        (lambda: samples_needed(0.1, 1.0), "false_alarm_rate must lie between 0 and 1, got 1.0"),
        (lambda: normal_quantile(2.0), "false_alarm_rate must lie between 0 and 1, got 2.0"),
        (lambda: standard_error_band(1.0, 0), "samples must be at least 1, got 0"),
        (lambda: share_alarm_rate(0, 0.1), "samples must be at least 1, got 0"),
        (lambda: share_alarm_rate(5, -0.1), "margin must be at least 0, got -0.1"),
    ],
    ids=["mean", "rate 0", "error 0", "rate 1", "rate 2", "error", "share", "margin"],
)
def test_impossible_sizes_are_refused(call, message):
    with pytest.raises(DomainError, match=f"^{message}$"):
        call()


def test_a_mean_check_takes_its_rate_and_its_span():
    check = mean_check("share", 0.3, 0.5, samples=50, span=2.0, false_alarm_rate=1e-3)
    assert check.bound == mean_band(50, 1e-3, span=2.0)
    assert check.value == pytest.approx(0.2)
    assert check.quantity == "share: distance from the expected 0.5"
    assert check.false_alarm_rate == 1e-3
