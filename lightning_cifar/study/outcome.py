"""What came of a run: test figures of its best weights, or why there are none."""

import base64
import json
import math
from typing import Any

import numpy as np
from torch import Tensor

from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.runs.records import epochs_done, out_of_patience
from lightning_cifar.stack.fit import MemberFit, run_record
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.uncertainty.comparison import deterministic_logits
from lightning_cifar.uncertainty.dropout_modes import is_active_dropout
from lightning_cifar.uncertainty.evaluation import compare_predictions
from lightning_cifar.uncertainty.report import to_json
from lightning_cifar.uncertainty.scores import scores_of

MONTE_CARLO_SAMPLES = 100


def study_record(
    condition: Condition, seed: int, fit: MemberFit, source: str, datamodule: CIFAR10DataModule
) -> StudyRecord:
    """The record of a finished run.

    source: of the learning rate.  datamodule: with its validation and its test images.
    """
    config = condition.config(seed)
    config["model"]["init_args"]["learning_rate"] = fit.classifier.learning_rate
    failure = failure_of(fit, condition.settings)
    test, right = ({}, "") if failure else figures_on_test(fit.classifier, datamodule.test_images)
    return StudyRecord(
        name=condition.record_name(seed),
        set_up=condition.set_up,
        variant=condition.variant,
        seed=seed,
        run=run_record(fit, config, source),
        test=test,
        test_right=right,
        activations=fit.activations,
        monte_carlo=None if failure else monte_carlo(fit.classifier, datamodule, seed),
        failure=failure,
    )


def failure_of(fit: MemberFit, settings: dict[str, Any]) -> str:
    """Why a run counts as failed: it diverged, or was never better than guessing; else nothing."""
    patience = settings["early_stopping"]["patience"]
    ends = (out_of_patience("val_loss", patience), epochs_done(settings["trainer"]["max_epochs"]))
    if fit.stop_reason not in ends:
        return fit.stop_reason
    best = min((epoch.val_loss for epoch in fit.epochs), default=math.inf)
    classes = fit.classifier.classes
    if fit.best_epoch < 0 or not best < guessing(classes):
        return f"no learning: the best validation loss, {best:.4g}, is not below ln {classes}"
    return ""


def guessing(classes: int) -> float:
    """The loss of equal probabilities, in nats."""
    return math.log(classes)


def figures_on_test(
    classifier: DenseClassifier, test: LabelledImages
) -> tuple[dict[str, float], str]:
    """The measures on the test images, and which are right: packed bits in base64."""
    logits = logits_of(classifier, test.images)
    right = (logits.argmax(1) == test.labels).numpy()
    packed = base64.b64encode(np.packbits(right).tobytes()).decode()
    return scores_of(logits.log_softmax(-1), test.labels), packed


def logits_of(classifier: DenseClassifier, images: Tensor) -> Tensor:
    """Logits (images, 10) of raw images."""

    def prepare(raw: Tensor) -> Tensor:
        standardised: Tensor = classifier.standardise(raw)
        return standardised

    return deterministic_logits(classifier.network, images, prepare=prepare)


def monte_carlo(
    classifier: DenseClassifier, datamodule: CIFAR10DataModule, seed: int
) -> dict[str, Any] | None:
    """Monte Carlo dropout against the deterministic prediction; None without dropout."""
    if not any(map(is_active_dropout, classifier.network)):
        return None
    comparison = compare_predictions(
        classifier,
        datamodule.test_images,
        datamodule.validation_images,
        samples=MONTE_CARLO_SAMPLES,
        seed=seed,
    )
    return dict(json.loads(to_json(comparison)))
