"""The sample of mutants, their sources, and the interval for a share."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from benchmarks.mutant_sample import drawn, interval, room_of
from benchmarks.mutant_sources import write_chosen

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


# As mutmut writes it: the trampoline, the original, mutants, and a table of them.
MUTATED = """mutants_x_f__mutmut = {}
def f():
    return mutants_x_f__mutmut


def x_f__mutmut_orig():
    return 1


def x_f__mutmut_1():
    return 2


def x_f__mutmut_2():
    return None

mutants_x_f__mutmut['_mutmut_orig'] = x_f__mutmut_orig
mutants_x_f__mutmut['x_f__mutmut_1'] = x_f__mutmut_1
mutants_x_f__mutmut['x_f__mutmut_2'] = x_f__mutmut_2
"""
PLACES = {"x_f__mutmut_orig": [6, 8], "x_f__mutmut_1": [9, 12], "x_f__mutmut_2": [13, 15]}


@pytest.mark.parametrize("kept", [(), (1,), (2,), (1, 2)])
def test_sources_hold_the_mutants_to_be_judged_alone(kept, tmp_path):
    everything = tmp_path / "mutants"
    (everything / "wing").mkdir(parents=True)
    for module in ("room", "other"):
        (everything / "wing" / f"{module}.py").write_text(MUTATED)
        (everything / "wing" / f"{module}.py.spans").write_text(json.dumps({"spans": PLACES}))
    (everything / "notes.txt").write_text("copied")
    chosen = [f"wing.room.x_f__mutmut_{number}" for number in kept]
    folder = everything / "judged"
    for _ in range(2):  # the second time it is there already
        write_chosen(everything, chosen, folder)
    assert (folder / "notes.txt").read_text() == "copied"
    for module, its in (("room", kept), ("other", ())):
        names = {}
        exec((folder / "wing" / f"{module}.py").read_text(), names)
        assert {key: function() for key, function in names["f"]().items()} == {
            "_mutmut_orig": 1,
            **{f"x_f__mutmut_{number}": {1: 2, 2: None}[number] for number in its},
        }
        left = {name for name in names if "__mutmut_" in name}
        assert left == {"x_f__mutmut_orig", *(f"x_f__mutmut_{number}" for number in its)}
    assert (everything / "wing" / "room.py").read_text() == MUTATED
