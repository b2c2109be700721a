"""The pooled reliability of Monte Carlo dropout, by hand on ten predictions."""

import pytest
import torch
from controls import assert_rejects

from lightning_cifar.study.report.monte_carlo import Bin, pooled_reliability
from lightning_cifar.uncertainty.scores import reliability

# Ten predictions of two seeds, (confidence, right), and the bins that their records hold: those
# from 0 to 1/15, from 2/15 to 3/15, from 3/15 to 4/15, from 6/15 to 7/15, from 14/15 to 1, and
# exactly 1. The lower edge belongs to a bin.
FIRST = ((0.19, 0), (0.20, 1), (0.26, 0), (0.40, 1), (1.00, 1))
FIRST_BINS = ((1, 0.19, 0.0), (2, 0.23, 0.5), (1, 0.40, 1.0), (1, 1.0, 1.0))
SECOND = ((0.05, 1), (0.23, 0), (0.41, 0), (0.45, 1), (0.95, 1))
SECOND_BINS = ((1, 0.05, 1.0), (1, 0.23, 0.0), (2, 0.43, 0.5), (1, 0.95, 1.0))
POOLED = (
    *((1, 0.05, 1.0), (1, 0.19, 0.0), (3, 0.23, 1 / 3), (3, 0.42, 2 / 3)),
    *((1, 0.95, 1.0), (1, 1.0, 1.0)),
)


def recorded(bins):
    fields = ("images", "confidence", "accuracy")
    return {"reliability": {"monte_carlo": [dict(zip(fields, each, strict=True)) for each in bins]}}


def pools_as_by_hand(implementation):
    def check():
        found = implementation([recorded(FIRST_BINS), recorded(SECOND_BINS)], "monte_carlo")
        assert [each.images for each in found] == [images for images, *_ in POOLED]
        for each, (_, confidence, accuracy) in zip(found, POOLED, strict=True):
            assert each.confidence == pytest.approx(confidence)
            assert each.accuracy == pytest.approx(accuracy)

    return check


def test_bins_of_the_seeds_are_pooled_as_by_hand():
    pools_as_by_hand(pooled_reliability)()


def shifted_by(step):
    """An implementation whose bin edges lie ``step`` higher."""

    def pooled(compared, way):
        moved = [
            recorded(
                (each["images"], max(each["confidence"] - step, 0), each["accuracy"])
                for each in one["reliability"][way]
            )
            for one in compared
        ]
        return [
            Bin(each.confidence + step, each.accuracy, each.images)
            for each in pooled_reliability(moved, way)
        ]

    return pooled


@pytest.mark.parametrize("step", [1e-9, 1 / 30, -1 / 30], ids=["edge", "half up", "half down"])
def test_other_edges_are_rejected(step):
    assert_rejects(pools_as_by_hand(shifted_by(step)))


@pytest.mark.parametrize(
    ("predictions", "bins"),
    [(FIRST, FIRST_BINS), (SECOND, SECOND_BINS)],
    ids=["first", "second"],
)
def test_records_hold_the_bins_that_the_hand_made(predictions, bins):
    """Among 30 classes, of which the first is predicted; it is the label where that is right."""
    confidences, right = (torch.tensor(each) for each in zip(*predictions, strict=True))
    confidences = confidences.double()
    rest = (1 - confidences) / 29
    probabilities = torch.where(torch.arange(30) == 0, confidences[:, None], rest[:, None])
    found = reliability(probabilities.clamp(min=1e-300).log(), torch.where(right == 1, 0, 1))
    assert [each.images for each in found] == [images for images, *_ in bins]
    for each, (_, confidence, accuracy) in zip(found, bins, strict=True):
        assert (each.confidence, each.accuracy) == pytest.approx((confidence, accuracy))
