"""Run folders of plain networks, which ``test``, ``predict`` and ``export`` take."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import torch

from benchmarks.best.student import Recipe, Trained
from lightning_cifar.classifiers import EluClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.runs.provenance import device_name
from lightning_cifar.runs.records import EpochRecord
from lightning_cifar.stack.fit import MemberFit, prepared, run_record, write_member


def write_run(
    trained: Trained, recipe: Recipe, seed: int, data: CIFAR10DataModule, folder: Path
) -> None:
    """Write a run of the variant ``elu`` with the folded weights; the last epoch's were kept."""
    options = {
        "depth": recipe.depth,
        "width": recipe.width,
        "learning_rate": recipe.learning_rate,
        "schedule": "one_cycle",
        "optimiser": recipe.optimiser,
    }
    sizes = {"classes": data.class_count, "image_size": data.image_size}
    classifier = EluClassifier(**options, **sizes, seed=seed)
    member = prepared(classifier, data)
    member.network.load_state_dict(trained.network.state_dict())
    figures = zip(trained.train_losses, trained.train_accuracies, strict=True)
    seconds = trained.seconds / max(recipe.epochs, 1)
    epochs = tuple(
        EpochRecord(number, *each, math.nan, math.nan, recipe.learning_rate, round(seconds, 4))
        for number, each in enumerate(figures)
    )
    fit = MemberFit(
        epochs=epochs,
        best_epoch=recipe.epochs - 1,
        stop_reason=f"all {recipe.epochs} epochs done",
        classifier=member.eval(),
        activations=(),
        device=device_name(torch.device("cpu")),
        data_fingerprint=data.fingerprint,
        images=data.found,
    )
    config: dict[str, Any] = {
        "seed_everything": seed,
        "trainer": {"max_epochs": recipe.epochs, "accelerator": "cpu"},
        "model": {
            "class_path": "lightning_cifar.classifiers.EluClassifier",
            "init_args": options,
        },
        "data": {
            "source": data.source,
            "path": data.path,
            "batch_size": recipe.batch_size,
            "flip": recipe.flip,
            "shift": recipe.shift,
            "validation_size": data.validation_size,
        },
    }
    # The rule: the last epoch, whatever its loss.
    rule: dict[str, Any] = {"monitor": "epoch", "mode": "max", "best_score": float(fit.best_epoch)}
    write_member(fit, dataclasses.replace(run_record(fit, config), **rule), folder)
