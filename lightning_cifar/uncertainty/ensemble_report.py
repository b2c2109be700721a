"""The test of an ensemble in words for people, and as the fields of its ``test.json``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from lightning_cifar.data.images import LabelledImages
from lightning_cifar.runs.confusion_record import ConfusionRecord, write_confusion
from lightning_cifar.uncertainty.ensemble_scores import (
    ENSEMBLE,
    MONTE_CARLO,
    TEMPERATURE,
    EnsembleTest,
)
from lightning_cifar.uncertainty.ensembles import Member
from lightning_cifar.uncertainty.evaluation import further_accuracies
from lightning_cifar.uncertainty.report import aligned, difference_cells, figure, without_nan
from lightning_cifar.uncertainty.scores import MEASURES

LEGEND = (
    "NLL: negative log-likelihood in nats; calibration: calibration error, 15 bins of equal width "
    "or equal mass; AUROC: of error detection; risk-coverage: area under the curve"
)


def ensemble_text(test: EnsembleTest, names: Sequence[str], figures: dict[str, float]) -> str:
    """The figures of a test in the words of a single run's, the table, then the verdicts."""
    members = zip(names, test.members, strict=True)
    keys = [measure.key for measure in MEASURES]
    mean = {key: sum(each[key] for each in test.members) / len(test.members) for key in keys}
    rows = [*members, ("mean of the members", mean)]
    rows += [(title(name, test), scores) for name, scores in test.scores.items()]
    header = ["prediction", *(measure.short for measure in MEASURES)]
    cells = [[name, *(figure(scores[key]) for key in keys)] for name, scores in rows]
    shares = [f"{name} {value:.2%}" for name, value in figures.items() if name != "test_loss"]
    return "\n".join(
        [
            "  ".join([f"test_loss {figures['test_loss']:.4f}", *shares]),
            f"ensemble of {len(names)} runs: {test.scores[ENSEMBLE]['accuracy']:.2%} of "
            f"{test.images:,} test images right, where its members alone have "
            f"{mean['accuracy']:.2%} on average",
            of_temperature(test),
            "",
            aligned([header, *cells]),
            LEGEND,
            "",
            "Differences from the mean of the members, with the 95 % interval of a paired "
            "bootstrap over the images",
            "",
            aligned(difference_rows(test)),
        ]
    )


def of_temperature(test: EnsembleTest) -> str:
    """What the temperature is, or why there is none."""
    if test.temperature is None:
        return (
            "no temperature, because the runs were validated on different images: each has trained "
            "with images that another held out"
        )
    return f"temperature {test.temperature:.4g}, fitted on {test.validation:,} validation images"


def title(name: str, test: EnsembleTest) -> str:
    """A way of the ensemble to predict, in words."""
    return {
        ENSEMBLE: "ensemble",
        TEMPERATURE: "ensemble, temperature",
        MONTE_CARLO: f"ensemble, {test.samples} samples each",
    }[name]


def difference_rows(test: EnsembleTest) -> list[list[str]]:
    """A header, then for each measure the differences of the ensemble's ways to predict."""
    rows = [["measure", "prediction", "difference", "95 % interval", "verdict"]]
    for measure in MEASURES:
        for name, differences in test.differences.items():
            cells = difference_cells(differences[measure.key])
            rows.append([measure.title, title(name, test), *cells])
    return rows


def figures_of(log_probabilities: Tensor, data: LabelledImages) -> dict[str, float]:
    """Loss and accuracies by the names, and under the conditions, of a single run's test.

    log_probabilities: (images, classes).
    """
    right = log_probabilities.argmax(1) == data.labels
    found = {
        "test_loss": float(torch.nn.functional.nll_loss(log_probabilities, data.labels)),
        "test_accuracy": float(right.sum() / len(right)),
    }
    further = further_accuracies(log_probabilities, data.labels)
    return found | {f"test_{name}": value for name, value in further.items()}


def write_ensemble_test(
    test: EnsembleTest,
    members: Sequence[Member],
    data: LabelledImages,
    fingerprint: str,
    folder: Path,
) -> list[Path]:
    """Write ``test.json``, with the members and their hashes, and ``confusion.png``."""
    classes = tuple(members[0].classifier.class_names)
    counts = multiclass_confusion_matrix(test.log_probabilities, data.labels, len(classes))
    record = ConfusionRecord(
        figures=figures_of(test.log_probabilities, data),
        classes=classes,
        confusion=tuple(map(tuple, counts.tolist())),
        data_fingerprint=fingerprint,
        weights=f"ensemble of {len(members)} runs",
    )
    abouts = [each.about | {"scores": own} for each, own in zip(members, test.members, strict=True)]
    more = {
        "members": abouts,
        "validation_images": test.validation,
        "temperature": test.temperature,
        "mc_samples": test.samples,
        "seed": test.seed,
        "scores": test.scores,
        "differences": {
            name: {key: asdict(each) for key, each in differences.items()}
            for name, differences in test.differences.items()
        },
    }
    return write_confusion(record, folder, without_nan(more))
