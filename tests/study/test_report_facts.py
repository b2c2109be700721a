"""The facts behind a report's answers, by hand, from a few records made up."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from made_studies import ELU, SELU, record, study

from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.study.report import layers, monte_carlo, rates, search_noise
from lightning_cifar.study.report.layers import BEST, START, Layers
from lightning_cifar.study.study_files import GridPoint, RateGrid


def points(*pairs):
    return tuple(GridPoint(*pair) for pair in pairs)


GRID = points((1e-3, 0.25), (2e-3, 0.5), (4e-3, 0.75), (8e-3, 0.625), (16e-3, math.nan))


@pytest.mark.parametrize(
    ("rate", "lost"),
    [
        (4e-3, 0), (8e-3, 12.5), (2e-3, 25), (1e-3, 50), (16e-3, math.inf),
        (4e-3 * 1.2, 0), (8e-3 / 1.19, 12.5), (8e-3 / 1.3, math.nan), (1e-3 / 1.3, math.nan),
        (1.19e-3, 50), (1e-3 / 1.19, 50), (1.3e-3, math.nan), (32e-3, math.nan),
    ],
)  # fmt: skip
def test_points_are_lost_beside_the_best_rate(rate, lost):
    assert rates.loss_at(GRID, rate) == pytest.approx(lost, nan_ok=True)


def test_the_worse_side_of_a_factor_counts():
    assert rates.worst_loss(GRID, 2) == 25
    assert rates.worst_loss(GRID, 4) == math.inf
    assert rates.worst_loss(GRID[:3], 2) == 25  # nothing is known above
    assert math.isnan(rates.worst_loss(GRID[2:3], 2))
    assert rates.worst_loss(points((1, 0.5), (2, 0.75), (4, 0.25)), 2) == 50


def test_the_best_point_is_the_most_accurate_that_learned():
    assert rates.best_point(GRID) == GridPoint(4e-3, 0.75)
    assert rates.best_point(points((1, math.nan))) is None
    assert math.isnan(rates.loss_at(points((1, math.nan)), 1))


def test_the_rate_found_is_judged_by_the_grid():
    assert rates.found_loss(RateGrid(GRID, GridPoint(5e-3, 0.5))) == 25
    assert math.isnan(rates.found_loss(RateGrid(GRID)))
    assert math.isnan(rates.found_loss(RateGrid(points((1, math.nan)), GridPoint(1, 0.5))))


def test_a_grid_in_full():
    grids = {
        "a/elu": RateGrid(GRID, GridPoint(4e-3, 0.5), starts=3),
        "a/selu": RateGrid(points((1, 0.5), (2, 0.75), (8, 0.7)), None, starts=2),
        "a/alone": RateGrid(points((1, 0.5)), None, starts=5),
        "a/failed": RateGrid(points((1, math.nan)), None, starts=1),
        "b/elu": RateGrid(points((1, 0.5), (4, 0.25)), None, starts=4),
    }
    found = rates.rates(study(grid=grids), None, SimpleNamespace(set_ups=("a", "b")))
    assert found.cost == {"selu": pytest.approx(5), "elu": math.inf}
    assert list(found.cost) == ["selu", "elu"]
    assert (found.starts, found.searches, found.noise) == (2, (), None)
    assert [row.name for row in found.rows] == ["a/elu", "a/selu", "a/alone", "b/elu"]
    row = found.rows[0]
    assert (row.best, row.found) == (GridPoint(4e-3, 0.75), GridPoint(4e-3, 0.5))
    assert row.lost == pytest.approx((25, 12.5, 50, math.inf))
    assert row.found_lost == 25
    assert math.isnan(found.rows[1].found_lost)
    assert found.rows[2].lost == pytest.approx((math.nan,) * 4, nan_ok=True)


def test_rates_without_a_grid_are_those_of_the_searches():
    searched = record(run={"learning_rate_source": "search"})
    found = rates.rates(study(searched), None, SimpleNamespace(set_ups=("a",)))
    assert (found.cost, found.starts, found.rows) == ({}, 0, ())
    assert [(each.cell, each.rates) for each in found.searches] == [(ELU, (1e-3,))]
    assert rates.rates(study(record()), None, SimpleNamespace(set_ups=("a",))) is None


def test_the_rates_part_of_the_variance_by_hand():
    """On a line with slope 2 per e-fold, and errors of 1, -1, -1, 1 about it."""
    pairs = [(math.exp(x), 2 * x + e) for x, e in zip(range(4), (1, -1, -1, 1), strict=True)]
    split = search_noise.split(pairs)
    assert (split.total_freedom, split.rest_freedom) == (3, 2)
    assert split.total == pytest.approx(24)
    assert split.rest == pytest.approx(4)
    assert split.variance == pytest.approx(8)
    assert split.between_searches == pytest.approx(6)
    assert split.share == pytest.approx(0.75)
    twice = search_noise.together([SimpleNamespace(split=each) for each in (split, None, split)])
    assert (twice.total_freedom, twice.rest_freedom) == (6, 4)
    assert (twice.total, twice.rest) == pytest.approx((48, 8))
    assert search_noise.together([SimpleNamespace(split=None)]) is None


def test_no_variance_has_no_parts():
    assert search_noise.split([(math.exp(x), x) for x in range(3)]) is None
    assert search_noise.split([(2.0, x) for x in range(6)]) is None
    assert search_noise.split([]) is None
    assert math.isnan(search_noise.Split(0.0, 3, 0.0, 2).share)
    assert search_noise.Split(3.0, 3, 8.0, 2).between_searches == 0
    assert search_noise.Split(6.0, 3, 2.0, 2).between_searches == 1


def test_searches_are_those_of_runs_that_searched():
    searched = [
        record(
            seed=seed,
            accuracy=accuracy,
            run={"learning_rate_source": "search", "learning_rate": rate},
        )
        for seed, (rate, accuracy) in enumerate(
            [(4e-3, 0.5), (1e-3, 0.25), (2e-3, 0.5), (8e-3, 0.75)]
        )
    ]
    failed = record(seed=4, failure="no", run={"learning_rate_source": "search"})
    given = record("selu")
    (found,) = search_noise.searches_of(study(*searched, failed, given))
    assert (found.cell, found.rates) == (ELU, (1e-3, 1e-3, 2e-3, 4e-3, 8e-3))
    assert found.split.total == pytest.approx(1250)
    assert found.split.total_freedom == 3


def seen(epoch, mean):
    return ActivationRecord(epoch, (mean, 0.0), (1.0, 0.9))


@pytest.mark.parametrize(
    ("epochs", "best", "moment", "expected"),
    [
        ((-1, 0, 5), 6, START, -1),
        ((-1, 0, 5), 6, BEST, 5),
        ((-1, 0, 5), 5, BEST, 5),
        ((-1, 0, 5), 4, BEST, 0),
        ((-1, 5), 4, BEST, None),
        ((0, 5), 6, START, None),
        ((-1,), 6, BEST, None),
        ((), 6, BEST, None),
    ],
)
def test_activations_are_looked_at_at_both_moments(epochs, best, moment, expected):
    one = record(activations=tuple(seen(each, 0.1) for each in epochs), run={"best_epoch": best})
    found = layers.looked_at(one, moment)
    assert (None if found is None else found.epoch) == expected


def test_layers_are_averaged_over_the_runs():
    runs = [record(activations=(seen(-1, mean),)) for mean in (0.1, 0.3)]
    found = layers.layers_at([*runs, record(activations=())], START)
    assert found.means.tolist() == pytest.approx([0.2, 0])
    assert found.variances.tolist() == pytest.approx([1, 0.9])
    deeper = record(activations=(ActivationRecord(-1, (0.1,), (1.0,)),))
    assert layers.layers_at([*runs, deeper], START) is None
    assert layers.layers_at(runs, BEST) is None
    assert layers.layers_at([record(activations=(ActivationRecord(-1, (), ()),))], START) is None


@pytest.mark.parametrize(
    ("mean", "variance", "inside"),
    [(-0.1, 0.8, 1), (0.1, 1.5, 1), (-0.11, 1, 0), (0.11, 1, 0), (0, 0.79, 0), (0, 1.51, 0)],
)
def test_the_domain_of_the_theorem_has_its_edges(mean, variance, inside):
    found = Layers(np.array([mean, 0, 5]), np.array([variance, 1, 1]))
    assert found.inside == inside + 1


@pytest.mark.parametrize(
    ("start", "best", "verdict"),
    [(0, 0, "yes"), (0, 1, "at the start only"), (1, 0, "no"), (1, 1, "no")],
)
def test_a_network_normalises_itself_at_both_moments(start, best, verdict):
    made = [Layers(np.array([0, mean]), np.array([1, 1])) for mean in (start, best)]
    assert layers.Normalising(*made, ()).verdict == verdict


def test_normalising_shows_every_variant_of_the_set_up():
    both = (seen(-1, 0.0), seen(0, 0.5))
    runs = [record("selu", activations=both), record("elu", activations=both[:1])]
    question = SimpleNamespace(cells=(SELU,))
    found = layers.normalising(study(*runs), None, question)
    assert [row[:2] for row in found.rows] == [("elu", START), ("selu", START), ("selu", BEST)]
    assert found.start.means.tolist() == [0, 0]
    assert found.best.means.tolist() == [0.5, 0]
    assert layers.normalising(study(*runs), None, SimpleNamespace(cells=(ELU,))) is None


def test_bins_of_confidence_are_pooled_by_hand():
    def binned(*bins):
        return {
            "reliability": {
                "way": [
                    dict(zip(("confidence", "accuracy", "images"), each, strict=True))
                    for each in bins
                ]
            }
        }

    found = monte_carlo.pooled_reliability(
        [binned((0.01, 0, 3), (0.5, 0.5, 10), (1.0, 1.0, 2)), binned((0.52, 0.75, 30)), {}], "way"
    )
    assert [(each.images, each.confidence, each.accuracy) for each in found] == [
        (3, pytest.approx(0.01), 0),
        (40, pytest.approx(0.515), pytest.approx(0.6875)),
        (2, 1, 1),
    ]
    assert monte_carlo.pooled_reliability([binned((0.5, 0.5, 10))], "other") == []


def test_scores_by_count_and_over_seeds_by_hand():
    compared = [
        {"by_count": [{"samples": 5, "nll": 2.0}, {"samples": 1, "nll": None}]},
        {"by_count": [{"samples": 1, "nll": 3.0}, {"samples": 5, "nll": 1.0}]},
        {},
    ]
    found = monte_carlo.scores_by_count(compared, "nll")
    assert list(found.items()) == [(1, [3.0]), (5, [2.0, 1.0])]
    scored = [{"scores": {"w": {"nll": each}}} for each in (1.0, None, 4.0)] + [{}]
    assert monte_carlo.mean_score(scored, "w", "nll") == 2.5
    assert math.isnan(monte_carlo.mean_score(scored, "w", "accuracy"))
    assert math.isnan(monte_carlo.mean_score(scored, "v", "nll"))
