"""What came of a run: test figures of its best weights, or why there are none."""

import base64
import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.files import sha256_of, write_atomically
from lightning_cifar.runs.records import kind_of
from lightning_cifar.stack.fit import MemberFit, run_record
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.fit_runs import Checkpoint
from lightning_cifar.study.folder import LOGITS_FOLDER
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.uncertainty.dropout_modes import is_active_dropout
from lightning_cifar.uncertainty.evaluation import (
    compare_predictions,
    further_accuracies,
    logits_of,
    monte_carlo_mean,
)
from lightning_cifar.uncertainty.report import to_json
from lightning_cifar.uncertainty.scores import scores_of
from lightning_cifar.uncertainty.temperature import fit_temperature, scaled_log_probabilities

MONTE_CARLO_SAMPLES = 100


def study_record(
    condition: Condition,
    seed: int,
    fit: MemberFit,
    accurate: Checkpoint,
    source: str,
    datamodule: CIFAR10DataModule,
    study: Path,
) -> StudyRecord:
    """The record of a finished run; its logits are written into the study's folder.

    accurate: the checkpoint with the highest validation accuracy.  source: of the learning rate.
    datamodule: with its validation and its test images.
    """
    config = condition.config(seed)
    config["model"]["init_args"]["learning_rate"] = fit.classifier.learning_rate
    failure = failure_of(fit)
    name = condition.record_name(seed)
    figures = {} if failure else figures_of(fit, accurate, datamodule, seed, study, name)
    return StudyRecord(
        name=name,
        set_up=condition.set_up,
        variant=condition.variant,
        seed=seed,
        run=run_record(fit, config, source),
        activations=fit.activations,
        failure=failure,
        **{"test": {}, "test_right": "", "monte_carlo": None, **figures},
    )


def figures_of(
    fit: MemberFit,
    accurate: Checkpoint,
    datamodule: CIFAR10DataModule,
    seed: int,
    study: Path,
    name: str,
) -> dict[str, Any]:
    """What a record holds of the test images, by its names."""
    test, validation = datamodule.test_images, datamodule.validation_images
    logits = logits_of(fit.classifier, test.images)
    epoch, state = accurate
    second = copy.deepcopy(fit.classifier)
    second.network.load_state_dict(state)
    parts = {"test": logits, "validation": logits_of(fit.classifier, validation.images)}
    return {
        **figures_on_test(logits, test.labels),
        "monte_carlo": monte_carlo(fit.classifier, datamodule, seed),
        "most_accurate": {
            "epoch": epoch,
            **figures_on_test(logits_of(second, test.images), test.labels),
        },
        "logits": write_logits(parts, study, name),
    }


def failure_of(fit: MemberFit) -> str:
    """Why a run counts as failed: it diverged, or was never better than guessing; else nothing."""
    if kind_of(fit.stop_reason) not in ("patience", "epochs"):
        return fit.stop_reason
    best = min((epoch.val_loss for epoch in fit.epochs), default=math.inf)
    classes = fit.classifier.classes
    if fit.best_epoch < 0 or not best < guessing(classes):
        return f"no learning: the best validation loss, {best:.4g}, is not below ln {classes}"
    return ""


def guessing(classes: int) -> float:
    """The loss of equal probabilities, in nats."""
    return math.log(classes)


def figures_on_test(logits: Tensor, labels: Tensor) -> dict[str, Any]:
    """The measures on the test images, and which are right: packed bits in base64."""
    right = (logits.argmax(1) == labels).numpy()
    packed = base64.b64encode(np.packbits(right).tobytes()).decode()
    scores = scores_of(logits.log_softmax(-1), labels) | further_accuracies(logits, labels)
    return {"test": scores, "test_right": packed}


def write_logits(parts: dict[str, Tensor], study: Path, name: str) -> dict[str, Any]:
    """Keep logits in half precision, compressed; file, its hash and the arrays' shapes."""
    path = study / LOGITS_FOLDER / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {key: each.half().numpy() for key, each in parts.items()}
    write_atomically(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    shapes = {key: list(each.shape) for key, each in arrays.items()}
    return {"file": path.name, "sha256": sha256_of(path), **shapes}


def monte_carlo(
    classifier: DenseClassifier, datamodule: CIFAR10DataModule, seed: int
) -> dict[str, Any] | None:
    """Monte Carlo dropout against the deterministic prediction; None without dropout."""
    if not any(map(is_active_dropout, classifier.network)):
        return None
    test, validation = datamodule.test_images, datamodule.validation_images
    samples = MONTE_CARLO_SAMPLES
    compared = compare_predictions(classifier, test, validation, samples=samples, seed=seed)
    with torch.no_grad():
        averaged, fitted_on = (
            monte_carlo_mean(classifier, part.images, samples=samples, seed=seed)
            for part in (test, validation)
        )
    # Of averaged probabilities the logarithm takes the place of logits (Guo et al. 2017).
    temperature = fit_temperature(fitted_on, validation.labels)
    fields = dict(json.loads(to_json(compared)))
    fields["scores"]["monte_carlo_temperature"] = scores_of(
        scaled_log_probabilities(averaged, temperature), test.labels
    )
    return fields | {"monte_carlo_temperature": temperature}
