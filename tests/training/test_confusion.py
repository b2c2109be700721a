"""The confusion matrix of a test is that of its predictions."""

import json

import pytest
import torch
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.runs.confusion_record import (
    CONFUSION_FILE,
    TEST_FILE,
    ConfusionRecord,
    draw_confusion,
)
from lightning_cifar.training.confusion import ConfusionMatrix


def after_test(folder, **options):
    """A test of a small network on 50 images, and the matrix by its definition."""
    classifier, datamodule = small_classifier(), small_data(test=50)
    trainer = small_trainer(folder, [ConfusionMatrix(folder)], **options)
    trainer.test(classifier, datamodule, verbose=False)
    test = datamodule.test_images
    expected = [[0] * 10 for _ in range(10)]
    for label, guess in zip(test.labels, classifier(test.images).argmax(1), strict=True):
        expected[label][guess] += 1
    return trainer, expected


def test_rows_are_classes_and_columns_what_they_were_taken_for(tmp_path):
    trainer, expected = after_test(tmp_path)
    found = json.loads((tmp_path / TEST_FILE).read_text())
    assert found["confusion"] == expected
    transposed = [list(column) for column in zip(*expected, strict=True)]
    assert found["confusion"] != transposed  # the control
    assert found["figures"]["test_accuracy"] == pytest.approx(
        sum(expected[each][each] for each in range(10)) / 50
    )
    assert found["data_fingerprint"] == "of noise"
    assert (tmp_path / CONFUSION_FILE).stat().st_size > 1000
    assert trainer.callback_metrics["test_accuracy"] == found["figures"]["test_accuracy"]


def test_a_part_of_the_images_is_not_recorded(tmp_path):
    after_test(tmp_path, limit_test_batches=1, max_epochs=1)
    assert not (tmp_path / TEST_FILE).exists()


def test_nothing_is_written_without_a_run(tmp_path):
    callback = ConfusionMatrix(None)
    small_trainer(tmp_path, [callback]).test(small_classifier(), small_data(), verbose=False)
    assert int(callback.counts.sum()) == 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("classes", [2, 20, 100])
def test_any_number_of_classes_is_drawn(classes):
    names = tuple(f"class $ {number}" for number in range(classes))
    matrix = tuple(map(tuple, torch.eye(classes, dtype=torch.int64).tolist()))
    figure = draw_confusion(ConfusionRecord({}, names, matrix, "", ""))
    figure.draw_without_rendering()
    assert len(figure.axes[0].texts) == (classes**2 if classes <= 20 else 0)
