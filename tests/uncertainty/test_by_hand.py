"""Rules, scores and cuts of a few small cases, worked out by hand."""

import math
from dataclasses import astuple

import pytest
import torch
from torch import nn

from lightning_cifar.data.images import LabelledImages
from lightning_cifar.uncertainty import (
    bootstrap,
    detection,
    ensemble_report,
    masks,
    monte_carlo,
    scores,
    stages,
    temperature,
    weighted,
)
from lightning_cifar.uncertainty.weighted import Graded

# Confidences 0.9, 0.8, 0.6, 0.5; the first and the third are right.
PROBABILITIES = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.5, 0.5]]).double()
LABELS = torch.tensor([0, 0, 1, 1])
LOGS = PROBABILITIES.log()


def test_predictions_are_graded():
    found = weighted.graded(LOGS.float(), LABELS.int())
    assert (found.log_probabilities.dtype, found.labels.dtype) == (torch.float64, torch.int64)
    assert found.correct.tolist() == [1, 0, 1, 0]
    assert found.confidence.tolist() == pytest.approx([0.9, 0.8, 0.6, 0.5])
    assert found.uncertainty.tolist() == pytest.approx([0.1, 0.2, 0.4, 0.5])
    assert found.nll.exp().tolist() == pytest.approx([1 / 0.9, 5, 1 / 0.6, 2])
    assert found.brier.tolist() == pytest.approx([0.02, 1.28, 0.32, 0.5])


def test_seven_measures_by_hand():
    found = scores.scores_of(LOGS, LABELS)
    assert found == {
        "accuracy": 0.5,
        "nll": pytest.approx(
            (math.log(1 / 0.9) + math.log(5) + math.log(1 / 0.6) + math.log(2)) / 4
        ),
        "brier": pytest.approx(0.53),
        "calibration_error": pytest.approx((0.1 + 0.8 + 0.4 + 0.5) / 4),
        "equal_mass_calibration_error": pytest.approx((0.1 + 0.8 + 0.4 + 0.5) / 4),
        "error_auroc": 0.75,  # of the pairs (0.2, 0.1), (0.2, 0.4), (0.5, 0.1), (0.5, 0.4)
        "area_under_risk_coverage": pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4),
    }


WEIGHTS = torch.tensor([[1.0, 1, 1, 1], [0, 2, 1, 1], [3, 0, 1, 0], [0, 0, 4, 0]]).double()


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("accuracy", [0.5, 0.25, 1, 1]),
        ("brier", [0.53, (2.56 + 0.82) / 4, (0.06 + 0.32) / 4, 0.32]),
        ("calibration_error", [0.45, (1.6 + 0.4 + 0.5) / 4, (0.3 + 0.4) / 4, 0.4]),
        ("error_auroc", [0.75, 1 / 3, math.nan, math.nan]),
        (
            "area_under_risk_coverage",
            [1 / 3, (2 * 1 + 2 / 3 + 3 / 4) / 4, 0, 0],
        ),
    ],
)
def test_measures_of_resamples_by_hand(key, values):
    measure = scores.weighted_measures(weighted.graded(LOGS, LABELS))[key]
    assert measure(WEIGHTS).tolist() == pytest.approx(values, nan_ok=True)


def test_images_of_one_bin_share_their_gap():
    graded = Graded(torch.tensor([[0.61, 0.39], [0.65, 0.35]]).double().log(), torch.tensor([0, 1]))
    bins = weighted.equal_width_bins(graded.confidence)
    assert bins.tolist() == [9, 9]
    ones = torch.ones(1, 2, dtype=torch.float64)
    gap = weighted.calibration_error(graded, bins, ones)
    assert gap.tolist() == pytest.approx([abs(0.39 - 0.65) / 2])


def test_bins_have_their_lower_edge():
    confidence = torch.tensor([0.0, 0.24, 0.25, 0.75, 0.99, 1.0]).double()
    assert weighted.equal_width_bins(confidence, 4).tolist() == [0, 0, 1, 3, 3, 4]
    assert weighted.equal_mass_bins(confidence.flip(0), 3).tolist() == [2, 2, 1, 1, 0, 0]
    assert weighted.equal_mass_bins(confidence[:2], 5).tolist() == [0, 2]
    assert weighted.tie_groups(torch.tensor([3.0, 1, 3, 2])).tolist() == [2, 0, 2, 1]
    summed = weighted.grouped(WEIGHTS[1:2], torch.tensor([1, 0, 1, 2]))
    assert summed.tolist() == [[2, 1, 1]]


def test_the_curve_of_reliability_by_hand():
    logs = torch.tensor([[0.7, 0.3], [0.32, 0.68], [0.55, 0.45], [1.0, 0.0]]).double().log()
    found = scores.reliability(logs, torch.tensor([0, 0, 1, 0]))
    assert [astuple(each) for each in found] == [
        (1, pytest.approx(0.55), 0.0),
        (2, pytest.approx(0.69), 0.5),
        (1, 1.0, 1.0),
    ]


def test_the_curve_of_risk_by_hand(monkeypatch):
    found = scores.risk_coverage(LOGS.flip(0), LABELS.flip(0))
    assert [astuple(each) for each in found] == [
        (0.25, 0),
        (0.5, 0.5),
        (0.75, pytest.approx(1 / 3)),
        (1, 0.5),
    ]
    monkeypatch.setattr(scores, "RISK_COVERAGE_POINTS", 2)
    found = scores.risk_coverage(LOGS, LABELS)
    assert [astuple(each) for each in found] == [(0.5, 0.5), (1, 0.5)]
    monkeypatch.setattr(scores, "RISK_COVERAGE_POINTS", 3)
    assert [each.coverage for each in scores.risk_coverage(LOGS, LABELS)] == [0.25, 0.5, 1]


def test_uncertainties_and_their_areas_by_hand():
    entropy, confidence = (
        detection.UNCERTAINTIES[name](LOGS.float()) for name in ("entropy", "confidence")
    )
    assert (entropy.dtype, confidence.dtype) == (torch.float64, torch.float64)
    assert entropy[3].item() == pytest.approx(math.log(2), rel=1e-6)
    assert confidence.tolist() == pytest.approx([0.1, 0.2, 0.4, 0.5])
    known, foreign = torch.tensor([0.1, 0.3]), torch.tensor([0.3, 0.2, 0.4])
    assert detection.detection_auroc(known, foreign) == pytest.approx(4.5 / 6)


@pytest.mark.parametrize(
    ("low", "high", "higher", "verdict"),
    [
        (0.1, 0.2, True, "better"),
        (0.1, 0.2, False, "worse"),
        (-0.2, -0.1, True, "worse"),
        (-0.2, -0.1, False, "better"),
        (0.0, 0.2, True, "no difference that 12,345 images can show"),
        (-0.2, 0.0, False, "no difference that 12,345 images can show"),
        (math.nan, math.nan, True, "no difference that 12,345 images can show"),
    ],
)
def test_verdicts_of_intervals(low, high, higher, verdict):
    found = bootstrap.verdict_of(low, high, higher_is_better=higher, images=12_345)
    assert found == verdict


def test_an_interval_is_mirrored_and_widened():
    """Resampled 0 to 40 in steps of 1: quantiles 1 and 39, mean 20, so a bias of 2."""
    values = torch.arange(41, dtype=torch.float64)
    assert bootstrap.widened_interval(18.0, values) == pytest.approx((36 - 39 - 2, 36 - 1 + 2))
    assert bootstrap.widened_interval(22.0, values) == pytest.approx((44 - 39 - 2, 44 - 1 + 2))
    with_gaps = torch.cat([torch.tensor([18.0, math.nan]), values, torch.tensor([math.nan])])
    found = bootstrap.difference_of(with_gaps, higher_is_better=True, images=7)
    assert astuple(found) == (
        18,
        pytest.approx(-5),
        pytest.approx(37),
        "no difference that 7 images can show",
    )
    nothing = bootstrap.difference_of(
        torch.tensor([1.0, math.nan]), higher_is_better=True, images=7
    )
    assert nothing.value == 1
    assert math.isnan(nothing.low)
    assert math.isnan(nothing.high)


def test_resamples_come_in_chunks(monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES_AT_ONCE", 3)
    chunks = list(bootstrap.resample_weights(4, 7, 5))
    assert [chunk.shape for chunk in chunks] == [(3, 4), (3, 4), (1, 4)]
    assert all(chunk.dtype == torch.float64 for chunk in chunks)
    assert (torch.cat(chunks).sum(1) == 4).all()
    drawn = torch.randint(4, (3, 4), generator=torch.Generator().manual_seed(5))
    counts = [torch.bincount(row, minlength=4).tolist() for row in drawn]
    assert chunks[0].tolist() == counts


def test_the_set_itself_comes_before_its_resamples(monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 5)
    found = bootstrap.resampled_measures(LOGS, LABELS, 3)
    assert {key: (len(each), float(each[0])) for key, each in found.items()} == {
        key: (6, value) for key, value in scores.scores_of(LOGS, LABELS).items()
    }


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5])
def test_rules_of_dropout_by_hand(rate):
    assert masks.unit_rule(nn.Dropout(rate)) == masks.UnitRule(rate, 1 / (1 - rate), 0, 0)
    for layer in (nn.AlphaDropout(rate), nn.FeatureAlphaDropout(rate)):
        rule = masks.unit_rule(layer)
        mean = (1 - rate) * rule.shift + rate * rule.dropped
        square = (1 - rate) * (rule.scale**2 + rule.shift**2) + rate * rule.dropped**2
        assert (rule.rate, mean, square) == pytest.approx((rate, 0, 1), abs=1e-12)
        assert rule.dropped - rule.shift == pytest.approx(rule.scale * -1.7580993408473766)


RULE = masks.UnitRule(0.5, scale=2.0, shift=1.0, dropped=-3.0)
FEATURES = torch.tensor([[1.0, 2.0], [5.0, 0.0]])
KEPT = torch.tensor([[True, False], [False, True], [True, True]])
OUTPUTS = [[[3, -3], [11, -3]], [[-3, 5], [-3, 1]], [[3, 5], [11, 1]]]


def test_units_are_kept_or_dropped_by_hand():
    assert masks.masked(FEATURES, KEPT[:, None], RULE).tolist() == OUTPUTS


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sampled", [True, False])
def test_a_masked_product_by_hand(bias, sampled):
    linear = nn.Linear(2, 3, bias=bias)
    weight = torch.tensor([[1.0, 10.0], [2.0, 0.0], [0.0, 1.0]])
    with torch.no_grad():
        linear.weight.copy_(weight)
        if bias:
            linear.bias.copy_(torch.tensor([0.5, 0.25, 0.0]))
        features = FEATURES.expand(3, 2, 2) if sampled else FEATURES
        found = masks.masked_linear(features, KEPT, RULE, linear)
    expected = torch.tensor(OUTPUTS).float() @ weight.T
    expected = expected + torch.tensor([0.5, 0.25, 0.0]) if bias else expected
    assert torch.allclose(found, expected)


def test_masks_are_drawn_in_the_order_of_the_layers():
    drawn = masks.draw_masks((2, 3), (4, 1), (0.25, 0.75), torch.Generator().manual_seed(1))
    uniform = torch.rand((2, 3, 5), generator=torch.Generator().manual_seed(1))
    assert drawn[0].equal(uniform[..., :4] >= 0.25)
    assert drawn[1].equal(uniform[..., 4:] >= 0.75)
    assert masks.draw_masks((2,), (1,), (0.0,), torch.Generator())[0].all()


def test_a_network_is_cut_at_its_dropout():
    first, second, last = nn.Linear(6, 9), nn.Linear(9, 4), nn.Linear(4, 2)
    flat, relu, drop, alpha = nn.Flatten(), nn.ReLU(), nn.Dropout(0.5), nn.AlphaDropout(0.25)
    network = nn.Sequential(
        flat, nn.Sequential(first, nn.Dropout(0)), drop, second, relu, nn.Sequential(alpha), relu,
        last,
    )  # fmt: skip
    network.eval()
    plan = stages.plan_of(network, torch.zeros(1, 6))
    assert [type(layer) for layer in plan.prefix] == [nn.Flatten, nn.Linear, nn.Dropout]
    one, two = plan.stages
    assert (one.linear, list(one.rest)) == (second, [relu])
    assert (two.linear, list(two.rest)) == (None, [relu, last])
    assert (plan.mask_widths, plan.width, plan.rates) == ((9, 4), 4, [0.5, 0.25])


@pytest.mark.parametrize(
    ("layers", "linear", "rest"),
    [(["d"], None, []), (["d", "l"], "l", []), (["d", "l", "r"], "l", ["r"]),
     (["d", "r"], None, ["r"]), (["d", "r", "l"], None, ["r", "l"]), (["d", "l", "l"], "l", ["l"])],
)  # fmt: skip
def test_a_stage_has_the_linear_layer_that_follows_at_once(layers, linear, rest):
    made = {"d": nn.Dropout(0.5), "l": nn.Linear(2, 2), "r": nn.ReLU()}
    found = stages.stage_of([made[name] for name in layers])
    assert found.rule == masks.plain_rule(0.5)
    assert found.linear is made.get(linear)
    assert list(found.rest) == [made[name] for name in rest]


@pytest.mark.parametrize(
    ("images", "samples", "floats", "budget", "sizes"),
    [(10, 2, 4, 80, (10, 2)), (10, 2, 4, 79, (9, 2)), (10, 100, 4, 80, (1, 20)),
     (10, 1, 1000, 80, (3, 1)), (10, 2, 1000, 80, (2, 1)),
     (10, 5, 1, 20, (4, 5)), (2, 100, 1, 1000, (2, 500))],
)  # fmt: skip
def test_blocks_fit_their_budget(monkeypatch, images, samples, floats, budget, sizes):
    monkeypatch.setitem(monte_carlo.FLOATS_PER_BLOCK, "cpu", budget)
    monkeypatch.setattr(monte_carlo, "IMAGES_PER_PASS", 3)
    monkeypatch.setattr(monte_carlo, "LOGITS_PER_CLASS", 4)
    assert monte_carlo.block_sizes(torch.zeros(images, 1), samples, floats) == sizes


def test_the_temperature_of_four_images_by_hand():
    """Three of four are right, where the logits say 9 to 1; halved, they say 3 to 1."""
    logits = torch.tensor([[math.log(9), 0.0]] * 4)
    labels = torch.tensor([0, 0, 0, 1])
    assert temperature.fit_temperature(logits, labels) == pytest.approx(2, rel=1e-6)
    scaled = temperature.scaled_log_probabilities(logits[:1], 2.0)
    assert scaled.exp().tolist()[0] == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    ("labels", "further"),
    [([0, 0, 1, 1], {}), ([0, 1, 1, 1], {"test_balanced_accuracy": pytest.approx(5 / 6)})],
)
def test_figures_of_an_ensemble_by_hand(labels, further):
    truth = torch.tensor(labels)
    data = LabelledImages(torch.zeros(4, 3, 2, 2, dtype=torch.uint8), truth)
    found = ensemble_report.figures_of(LOGS.float(), data)
    likelihoods = [float(PROBABILITIES[row, label]) for row, label in enumerate(labels)]
    right = [int(PROBABILITIES[row].argmax()) == label for row, label in enumerate(labels)]
    assert found.pop("test_loss") == pytest.approx(-sum(map(math.log, likelihoods)) / 4)
    assert found.pop("test_accuracy") == sum(right) / 4
    assert found == further
