"""How often the rule for ties decides, counted in the searches of a study."""

import json

import pytest

from benchmarks.search_ties import RATES, Ties, in_words, ties

HIGHEST_WINS, HIGHER_TIES = [1.50, 1.60, 1.70], [1.505, 1.50, 1.70]
FAR_TIES = [1.504, 1.506, 1.50]


def searches(folder, **races):
    """Files of searches: names with the lowest losses at the rates 4, 2 and 1."""
    for name, losses in races.items():
        race = [
            {"rate": rate, "val_losses": [loss + 0.3, loss]}
            for rate, loss in zip((4.0, 2.0, 1.0), losses, strict=True)
        ]
        path = folder / f"{name.replace('_', '-')}.json"
        path.write_text(json.dumps({"race": race}))
    return ties(folder)


def test_decided_searches_are_counted_by_their_factor(tmp_path):
    found = searches(tmp_path, a_elu_0=HIGHEST_WINS, a_elu_1=HIGHER_TIES, a_elu_2=FAR_TIES)
    assert (found.searches, found.factors) == (3, {2: 1, 4: 1})
    assert found.noise == {"a-elu": pytest.approx(0.0)}


def test_a_loss_farther_away_is_no_tie(tmp_path):
    found = searches(tmp_path, a_elu_0=[1.52, 1.50, 1.70])  # control: 1.3 % above the lowest
    assert found.factors == {}


def test_noise_is_that_of_the_seeds_of_one_condition(tmp_path):
    found = searches(tmp_path, a_elu_0=[1.0, 2, 2], a_elu_1=[1.1, 2, 2], b_elu_0=[9.0, 10, 10])
    assert found.noise == {"a-elu": pytest.approx(100 * 0.005**0.5 / 1.05)}


def test_searches_of_the_repository_have_the_rates_of_the_rule():
    for path in RATES.glob("*.json"):
        search = json.loads(path.read_text())
        best = min(search["race"], key=lambda each: min(each["val_losses"]))
        assert search["rate"] >= best["rate"], path.name


def test_in_words():
    told = in_words(Ties(9, {2: 3, 4: 1}, {"a": 0.5, "b": 0.84}))
    assert "decides 4 of 9 searches" in told
    assert "a factor of 2 in 3 and a factor of 4 in 1." in told
    assert "varies by 0.5 to 0.8 %" in told
