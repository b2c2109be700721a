"""Scores over the seeds, by hand."""

from lightning_cifar.study.report.monte_carlo import mean_score, scores_by_count

COMPARED = [
    {"scores": {"a": {"nll": 1.0}, "b": {"nll": 9.0}}, "by_count": [{"samples": 5, "nll": 2.0}]},
    {"scores": {"a": {"nll": 2.0}}, "by_count": [{"samples": 1, "nll": 3.0}]},
    {"scores": {"a": {"nll": None}}, "by_count": [{"samples": 5, "nll": 4.0}]},
    {"by_count": [{"samples": 1, "nll": None}]},
    {},
]


def test_scores_are_averaged_over_the_seeds_that_have_them():
    assert mean_score(COMPARED, "a", "nll") == 1.5
    assert mean_score(COMPARED, "b", "nll") == 9.0
    for way, key in (("c", "nll"), ("a", "accuracy")):
        found = mean_score(COMPARED, way, key)
        assert found != found  # NaN


def test_scores_by_count_are_in_order_of_the_samples():
    found = scores_by_count(COMPARED, "nll")
    assert list(found.items()) == [(1, [3.0]), (5, [2.0, 4.0])]
