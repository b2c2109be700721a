"""Metrics add up over unequal batches and processes."""

import pytest
import torch
from controls import assert_rejects
from graded_sets import SEEDS, graded_set
from hypothesis import given
from hypothesis import strategies as st

from lightning_cifar.uncertainty import metrics, scores

METRICS = {
    "nll": metrics.NegativeLogLikelihood,
    "brier": metrics.BrierScore,
    "equal_mass_calibration_error": metrics.EqualMassCalibrationError,
    "area_under_risk_coverage": metrics.AreaUnderRiskCoverage,
    "error_auroc": metrics.ErrorAUROC,
}


def adds_up(key, make_metric):
    """Two processes, unequal batches: the value is that of the whole set."""

    @given(SEEDS, st.integers(1, 59))
    def check(seed, cut):
        log_probabilities, labels = graded_set(seed)
        first, second = make_metric(), make_metric()
        for part in (slice(0, cut // 2 + 1), slice(cut // 2 + 1, cut)):
            if log_probabilities[part].numel():
                first.update(log_probabilities[part], labels[part])
        second.update(log_probabilities[cut:], labels[cut:])
        if first.update_called:
            second.merge_state(first)
        value = float(second.compute())
        expected = scores.scores_of(log_probabilities, labels)[key]
        assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)

    return check


@pytest.mark.parametrize("key", METRICS)
def test_metrics_add_up_over_batches_and_processes(key):
    adds_up(key, METRICS[key])()


class MeanOfBatches(metrics.MeanOfImages):
    """A wrong metric: batches count alike, however small."""

    def of_images(self, graded):
        return graded.nll.mean(0, keepdim=True)

    def update(self, log_probabilities, labels):
        super().update(log_probabilities, labels)
        self.images += 1 - len(labels)


def test_a_mean_of_batch_means_is_caught():
    assert_rejects(adds_up("nll", MeanOfBatches))


def test_metrics_forget_after_reset():
    log_probabilities, labels = graded_set(0)
    for make_metric in METRICS.values():
        metric = make_metric()
        metric.update(log_probabilities, labels)
        before = metric.compute()
        metric.reset()
        metric.update(*graded_set(1))
        metric.reset()
        metric.update(log_probabilities, labels)
        assert torch.equal(metric.compute(), before)
