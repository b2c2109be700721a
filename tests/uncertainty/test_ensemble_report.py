"""The text and the file about an ensemble, from figures made up."""

import math
from dataclasses import replace

import torch

from lightning_cifar.uncertainty.bootstrap import Difference
from lightning_cifar.uncertainty.ensemble_report import ensemble_text
from lightning_cifar.uncertainty.ensemble_scores import ENSEMBLE, MONTE_CARLO, EnsembleTest
from lightning_cifar.uncertainty.scores import MEASURES

KEYS = [measure.key for measure in MEASURES]


def scores(first):
    return {key: first + number / 100 for number, key in enumerate(KEYS)}


DIFFERENCE = Difference(0.125, -0.5, 0.75, "no difference shown")
TEST = EnsembleTest(
    images=1234,
    validation=56,
    temperature=1.25,
    samples=7,
    seed=3,
    members=(scores(0.1), scores(0.3)),
    scores={ENSEMBLE: scores(0.5), MONTE_CARLO: scores(0.7) | {"error_auroc": math.nan}},
    differences={ENSEMBLE: dict.fromkeys(KEYS, DIFFERENCE)},
    log_probabilities=torch.zeros(0, 2),
)


def test_the_text_holds_members_their_mean_and_the_ways():
    lines = ensemble_text(TEST, ["a", "b"], {"test_loss": 1.5, "test_accuracy": 0.25}).split("\n")
    assert lines[0] == "test_loss 1.5000  test_accuracy 25.00%"
    assert lines[1:3] == [
        "ensemble of 2 runs: 50.00% of 1,234 test images right, where its members alone have "
        "20.00% on average",
        "temperature 1.25, fitted on 56 validation images",
    ]
    cells = [line.split("  ") for line in lines]
    rows = {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in cells}
    assert rows["prediction"] == [
        *("accuracy", "NLL", "Brier", "calibration", "equal mass", "AUROC", "risk-coverage"),
    ]
    assert rows["a"][:2] == ["0.1000", "0.1100"]
    assert rows["b"][:2] == ["0.3000", "0.3100"]
    assert rows["mean of the members"][:2] == ["0.2000", "0.2100"]
    assert rows["ensemble"][-1] == "0.5600"
    assert rows["ensemble, 7 samples each"][-2:] == ["undefined", "0.7600"]
    assert rows["measure"] == ["prediction", "difference", "95 % interval", "verdict"]
    for measure in MEASURES:
        told = ["ensemble", "+0.1250", "-0.5000 to +0.7500", "no difference shown"]
        assert rows[measure.title] == told
    assert (
        "Differences from the mean of the members, with the 95 % interval of a paired bootstrap "
        "over the images"
    ) in lines


def test_runs_validated_on_different_images_have_no_temperature():
    text = ensemble_text(replace(TEST, temperature=None), ["a", "b"], {"test_loss": 1.5})
    assert (
        "no temperature, because the runs were validated on different images: each has trained "
        "with images that another held out"
    ) in text
