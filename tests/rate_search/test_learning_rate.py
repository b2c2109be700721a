import itertools
import math
from functools import partial

import pytest
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st

from lightning_cifar.errors import InputError
from lightning_cifar.rate_search import search as method
from lightning_cifar.rate_search.search import (
    EXTENSIONS,
    MEMORY,
    TIE,
    Candidate,
    RangeTest,
    SearchResult,
    unbiased_average,
    winner_of,
)

losses = st.floats(0.01, 100)
# Of a fit whose own schedule is 1cycle; a constant rate is half as high.
candidates, search = partial(method.candidates, share=1.0), partial(method.search, share=1.0)


def unbiased(average):
    """An average of equal losses is that loss from the first step on; of any, within their range.

    It is linear, and a loss weighs ``MEMORY`` of the next one.
    """

    @given(loss=losses, count=st.integers(1, 30), series=st.lists(losses, min_size=2, max_size=30))
    def check(loss, count, series):
        assert average([loss] * count) == pytest.approx(loss, rel=1e-12)
        assert min(series) * (1 - 1e-12) <= average(series) <= max(series) * (1 + 1e-12)
        spike = [0.0] * len(series)
        shares = []
        for position in range(len(series)):
            spike[position] = 1.0
            shares.append(average(spike))
            spike[position] = 0.0
        assert sum(shares) == pytest.approx(1, rel=1e-12)
        for older, newer in itertools.pairwise(shares):
            assert older == pytest.approx(MEMORY * newer, rel=1e-12)

    return check


def test_average_is_unbiased():
    unbiased(unbiased_average)()


def test_control_other_averages_are_rejected():
    def from_zero(series):
        """The usual running average, which begins at 0 and is pulled there."""
        average = 0.0
        for loss in series:
            average = MEMORY * average + (1 - MEMORY) * loss
        return average

    def from_the_first(series):
        """Begins at the first loss, which then weighs ten times too much."""
        average = series[0]
        for loss in series[1:]:
            average = MEMORY * average + (1 - MEMORY) * loss
        return average

    for mutant in (from_zero, from_the_first, lambda series: sum(series) / len(series)):
        assert_rejects(unbiased(mutant))


def test_average_forgets_what_is_more_than_a_hundred_steps_old():
    assert unbiased_average([1e6] * 5 + [1.0] * 100) == pytest.approx(1)


RANGE_TEST = RangeTest((1e-3, 1e-2, 1e-1), (2.0, 1.0, 3.0), (2.0, 1.5, 2.5))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (2, (4e-2, 2e-2)),
        (4, (4e-2, 2e-2, 1e-2, 5e-3)),
    ],
)
def test_candidates_go_down_by_halves_from_above_the_lowest_loss(count, expected):
    assert RANGE_TEST.rate_of_lowest_loss == 1e-2
    assert candidates(RANGE_TEST, count) == pytest.approx(expected)
    halves = method.candidates(RANGE_TEST, count, share=0.5)
    assert halves == pytest.approx([rate / 2 for rate in expected])


def race_with(val_losses):
    """A race with the given validation losses, in order; any other rate diverges."""
    first = candidates(RANGE_TEST, len(val_losses))

    def race(rates):
        known = dict(zip(first, val_losses, strict=True))
        return tuple(Candidate(rate, tuple(known.get(rate, ()))) for rate in rates)

    return race


def chooses_the_highest_of_the_best(choose):
    @given(
        val_losses=st.lists(
            st.lists(losses | st.just(math.inf), max_size=4), min_size=2, max_size=8
        ).filter(lambda runs: any(math.isfinite(loss) for run in runs for loss in run))
    )
    def check(val_losses):
        result = choose(RANGE_TEST, race_with(val_losses), len(val_losses))
        bound = (1 + TIE) * min(loss for run in val_losses for loss in run)
        rates = candidates(RANGE_TEST, len(val_losses))
        assert result.rate in rates, "a rate that diverged"
        winner = rates.index(result.rate)
        assert min(val_losses[winner], default=math.inf) <= bound, "not among the best"
        faster = [loss for run in val_losses[:winner] for loss in run]
        assert all(loss > bound for loss in faster), "a higher rate is as good"
        raced = {each.rate: list(each.val_losses) for each in result.race}
        assert [raced[rate] for rate in rates] == val_losses

    return check


def test_search_chooses_the_highest_of_the_best_rates():
    chooses_the_highest_of_the_best(search)()


@pytest.mark.parametrize(("first", "winner"), [(1.004, 0), (1.006, 1)])
def test_losses_within_a_tie_are_as_good_as_the_lowest(first, winner):
    result = search(RANGE_TEST, race_with([[2.0], [first], [1.0], [1.004], [2.0]]), 5)
    assert result.rate == candidates(RANGE_TEST, 5)[1 + winner]


def test_control_other_choices_are_rejected():
    def last_epoch(test, race, count):
        result = search(test, race, count)
        last = min(result.race, key=lambda each: each.val_losses[-1] if each.val_losses else 1e9)
        return type(result)(last.rate, test, result.race)

    def highest_rate(test, race, count):
        result = search(test, race, count)
        return type(result)(result.race[0].rate, test, result.race)

    def lowest_rate(test, race, count):
        result = search(test, race, count)
        bound = (1 + TIE) * min(each.best for each in result.race)
        tied = [each.rate for each in result.race if each.best <= bound]
        return type(result)(min(tied), test, result.race)

    for mutant in (last_epoch, highest_rate, lowest_rate):
        assert_rejects(chooses_the_highest_of_the_best(mutant))


def finds_a_rate_outside_the_bracket(choose):
    """Losses grow with the distance from the best rate, on a logarithmic axis."""

    @given(power=st.integers(-7, 8), count=st.integers(2, 8))
    def check(power, count):
        best_rate = 1e-2 * 2.0**power
        calls = []

        def race(rates):
            calls.append(rates)
            losses = [1e-3 * (1 + abs(math.log2(rate / best_rate))) for rate in rates]
            return tuple(Candidate(*pair) for pair in zip(rates, zip(losses), strict=True))

        result = choose(RANGE_TEST, race, count)
        raced = [rate for rates in calls for rate in rates]
        assert result.rate == pytest.approx(best_rate), "the race ended before the best rate"
        assert len(raced) == len(set(raced)), "a rate was tried twice"
        assert sorted(raced, reverse=True) == [each.rate for each in result.race]
        inside = all(min(rates) < best_rate < max(rates) for rates in calls[:1])
        assert len(calls) == 1 or not inside, "tried more than was needed"

    return check


def test_race_goes_on_beyond_an_outermost_rate_that_wins():
    finds_a_rate_outside_the_bracket(search)()


def test_control_a_race_that_stays_in_its_bracket_is_rejected():
    def bracket_only(test, race, count):
        runners = race(candidates(test, count))
        return SearchResult(winner_of(runners).rate, test, runners)

    assert_rejects(finds_a_rate_outside_the_bracket(bracket_only))


def test_race_does_not_go_on_for_ever():
    calls = []

    def race(rates):
        calls.append(rates)
        return tuple(Candidate(rate, (1 / rate,)) for rate in rates)

    search(RANGE_TEST, race, 4)
    assert len(calls) == 1 + EXTENSIONS


@pytest.mark.parametrize("val_losses", [[[math.inf]] * 3, [[], [], []], [[math.inf], [], []]])
def test_search_in_which_all_diverge_is_an_error(val_losses):
    with pytest.raises(InputError, match=r"from 1\.5e-07 to 4\.0e-02"):
        search(RANGE_TEST, race_with(val_losses), 3)


def finds_a_rate_that_learns(choose, test=RANGE_TEST):
    """The bracket lies where nothing is learned, as on images that are told apart easily."""
    reached = min(test.smoothed)

    @given(power=st.integers(-12, -3), guess=st.sampled_from([2.303, math.inf]))
    def check(power, guess):
        highest = test.rate_of_lowest_loss * 2.0**power

        def race(rates):
            losses = [reached / 2 if rate <= highest else reached + guess for rate in rates]
            return tuple(Candidate(rate, (loss,)) for rate, loss in zip(rates, losses, strict=True))

        assert choose(test, race, 4).rate <= highest

    return check


def test_race_goes_down_where_no_rate_comes_below_the_range_test():
    finds_a_rate_that_learns(search)()


def test_control_a_race_that_goes_on_above_useless_rates_is_rejected():
    """A range test that reached nothing: the first of equally useless rates leads."""

    def blind(test, race, count):
        return search(RangeTest(test.rates, test.losses, (math.inf,) * 3), race, count)

    assert_rejects(finds_a_rate_that_learns(blind))


def test_search_without_a_finite_loss_is_an_error():
    with pytest.raises(InputError, match="not finite before the first step"):
        search(RangeTest((), (), ()), race_with([]), 3)


@pytest.mark.parametrize(
    ("bests", "reached", "expected"),
    [
        ((1.0, 1.2), 2.0, (32.0, 16.0)),  # the highest leads
        ((1.2, 1.0), 2.0, (2.0, 1.0)),  # the lowest
        ((1.2, 1.0, 1.2), 2.0, ()),  # one between
        ((1.0, 1.2), 1.0, (1.0, 0.25)),  # nobody came below what was reached: far below
    ],
)
def test_the_next_rates_are_these(bests, reached, expected):
    rates = (8.0, 4.0) if len(bests) == 2 else (8.0, 4.0, 2.0)
    race = tuple(Candidate(rate, (best,)) for rate, best in zip(rates, bests, strict=True))
    assert method.beyond(race, reached) == expected
