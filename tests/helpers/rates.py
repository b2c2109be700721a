"""Asserts about how often something happens, with a stated rate of false alarms."""

from scipy import stats

FALSE_ALARM = 1e-6  # a right implementation fails for one in a million streams of random numbers


def at_least(count, total, rate):
    """Assert that ``count`` of ``total`` does not speak against a rate of ``rate`` or more."""
    assert stats.binom.cdf(count, total, rate) > FALSE_ALARM


def at_most(count, total, rate):
    """Assert that ``count`` of ``total`` does not speak against a rate of ``rate`` or less."""
    assert stats.binom.sf(count - 1, total, rate) > FALSE_ALARM
