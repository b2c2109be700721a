"""One figure for each run, computed by hand from a record made up."""

import math
from types import SimpleNamespace

import pytest
from record_samples import run_record, study_record

from lightning_cifar.study.measures import (
    MEASURES,
    SCORES,
    WAYS,
    by_accuracy,
    epochs_to_loss,
    finite_values,
    seconds_to_loss,
    values,
    way_measure,
)
from lightning_cifar.study.study_files import Cell

TEST = {
    "accuracy": 0.35,
    "nll": 1.5,
    "brier": 0.75,
    "calibration_error": 0.025,
    "balanced_accuracy": 0.375,
    "top5_accuracy": 0.9,
}
# The sample has a validation accuracy of 0.4 in each epoch.
RECORD = study_record(test=TEST, run=run_record(losses=(2.0, 1.5, 1.75)))
EXPECTED = {
    "test_accuracy": 35.0,
    "test_nll": 1.5,
    "test_brier": 0.75,
    "test_calibration_error": 2.5,
    "test_balanced_accuracy": 37.5,
    "test_top5_accuracy": 90.0,
    "val_accuracy": 40.0,
    "val_loss": 1.5,
    "best_epoch": 2.0,
}


def with_best(epoch):
    """The record of a run that ended with its best epoch."""
    losses = (2.0, 1.5, 1.75)[: epoch + 1]
    return study_record(test=TEST, run=run_record(losses=losses))


@pytest.mark.parametrize("key", MEASURES)
def test_a_figure_is_the_one_of_the_record(key):
    record = with_best(1)
    assert MEASURES[key].of(record) == pytest.approx(EXPECTED[key])
    assert MEASURES[key].key == key


@pytest.mark.parametrize("key", MEASURES)
def test_a_failed_run_has_no_figure(key):
    failed = study_record(test={}, test_right="", failure="it diverged")
    assert math.isnan(MEASURES[key].of(failed))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("score", SCORES, ids=lambda score: score[0])
def test_a_way_to_predict_has_its_own_scores(way, score):
    scores = {each: {"accuracy": 0.3, "nll": 1.25, "calibration_error": 0.5} for each in WAYS}
    scores[way] = {"accuracy": 0.6, "nll": 1.75, "calibration_error": 0.25}
    measure = way_measure(way, score)
    record = study_record(monte_carlo={"scores": scores})
    own = {"accuracy": 60.0, "nll": 1.75, "calibration_error": 25.0}
    assert measure.of(record) == pytest.approx(own[score[0]])
    assert measure.key == f"{way}_{score[0]}"
    for nothing in (None, {}, {"scores": {}}, {"scores": {way: None}}, {"scores": {way: {}}}):
        assert math.isnan(measure.of(study_record(monte_carlo=nothing)))


def test_the_second_rule_takes_the_other_checkpoint():
    measure = by_accuracy(MEASURES["test_accuracy"])
    assert measure.key == "test_accuracy_by_accuracy"
    other = {"epoch": 0, "test": {"accuracy": 0.5}, "test_right": ""}
    assert measure.of(study_record(most_accurate=other)) == 50.0
    assert by_accuracy(MEASURES["best_epoch"]).of(study_record(most_accurate=other)) == 1.0
    assert math.isnan(measure.of(study_record()))


@pytest.mark.parametrize(
    ("loss", "epochs"), [(2.5, 1), (2.0, 1), (1.99, 2), (1.5, 2), (1.49, None)]
)
def test_epochs_count_until_the_loss_is_reached(loss, epochs):
    found = epochs_to_loss(loss).of(RECORD)
    assert found == epochs if epochs else math.isnan(found)
    seconds = seconds_to_loss(loss, {"elu": 3.0, "selu": 5.0}).of(RECORD)
    assert seconds == 3 * epochs if epochs else math.isnan(seconds)
    assert math.isnan(seconds_to_loss(loss, {"selu": 5.0}).of(RECORD))
    assert epochs_to_loss(loss).title == f"epochs to a validation loss of {loss:.2f}"
    assert seconds_to_loss(loss, {}).title == f"seconds to a validation loss of {loss:.2f}"


def test_values_are_by_seed_and_finite_ones_those_that_there_are():
    runs = [
        study_record(seed=0, test={"accuracy": 0.25}),
        study_record(seed=1, test={}, failure="it diverged"),
        study_record(seed=2, test={"accuracy": 0.5}),
    ]
    asked = []
    study = SimpleNamespace(runs=lambda *cell: asked.append(cell) or runs)
    found = values(study, Cell("a", "elu"), MEASURES["test_accuracy"])
    assert list(found) == [0, 1, 2]
    assert (found[0], found[2]) == (25.0, 50.0)
    assert math.isnan(found[1])
    assert finite_values(study, Cell("a", "elu"), MEASURES["test_accuracy"]) == [25.0, 50.0]
    assert asked == [("a", "elu")] * 2
