"""The sample of mutants, and the interval for a share."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from benchmarks.mutant_sample import drawn, interval, room_of

ROOMS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1)


def mutants(rooms):
    return [
        f"wing.{room}.x_f__mutmut_{each}" for room, size in rooms.items() for each in range(size)
    ]


@given(ROOMS, st.data())
def test_a_sample_has_its_share_of_every_room(rooms, data):
    everything = mutants(rooms)
    size = data.draw(st.integers(1, len(everything)), label="size")
    sample = drawn(reversed(everything), size, seed=3)
    assert len(set(sample)) == len(sample) == size
    assert set(sample) <= set(everything)
    counts = Counter(map(room_of, sample))
    for room, members in rooms.items():
        share = members / len(everything)
        assert abs(counts[room] - size * share) <= 1 + len(rooms) * share
    assert sample == drawn(everything, size, seed=3)
    assert sample == drawn(everything, len(everything), seed=3)[:size]


def test_a_sample_follows_its_seed_and_can_hold_any_mutant():
    everything = mutants({"a": 40, "b": 20})
    samples = {tuple(drawn(everything, 10, seed)) for seed in range(100)}
    assert len(samples) == 100
    assert set().union(*samples) == set(everything)


@pytest.mark.parametrize("size", [0, 4])
def test_a_sample_is_no_larger_than_what_it_is_drawn_from(size):
    with pytest.raises(ValueError, match=f"a sample of {size} from 3 mutants: give 1 to 3"):
        drawn(mutants({"a": 3}), size, seed=1)


@given(st.integers(1, 200), st.data())
def test_an_interval_ends_where_the_figure_would_be_rare(judged, data):
    noticed = data.draw(st.integers(0, judged), label="noticed")
    low, high = interval(noticed, judged)
    assert low <= noticed / judged <= high
    if noticed:
        assert binom.sf(noticed - 1, judged, low) == pytest.approx(0.025)
    else:
        assert low == 0.0
    if noticed < judged:
        assert binom.cdf(noticed, judged, high) == pytest.approx(0.025)
    else:
        assert high == 1.0
