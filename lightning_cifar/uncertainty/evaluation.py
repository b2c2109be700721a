"""A finished run's network on images: loaded from its folder, alone or with Monte Carlo dropout."""

from pathlib import Path

from torch import Tensor, nn

from lightning_cifar.classifiers import VARIANTS, DenseClassifier, more_accuracies
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.unequal_classes import has_equal_classes
from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.folders import best_checkpoint
from lightning_cifar.uncertainty.comparison import (
    Comparison,
    compare,
    deterministic_logits,
    monte_carlo_averages,
)
from lightning_cifar.uncertainty.dropout_modes import active_dropout_layers
from lightning_cifar.uncertainty.figures import (
    draw_reliability,
    draw_risk_coverage,
    draw_sample_counts,
)
from lightning_cifar.uncertainty.monte_carlo import require_samples
from lightning_cifar.uncertainty.report import to_json
from lightning_cifar.uncertainty.temperature import fit_temperature


def load_classifier(run: Path) -> DenseClassifier:
    """The classifier of a run folder with its best weights, in evaluation mode.

    Raises:
        InputError: no usable checkpoint, or one of a variant that is not known.
    """
    path = best_checkpoint(run)
    checkpoint = load_checkpoint(path)
    variant = checkpoint.get("variant")
    if str(variant) not in VARIANTS:
        raise InputError(
            f"{path} contains the variant {variant!r}; the variants are {', '.join(VARIANTS)}"
        )
    try:
        settings = dict(checkpoint["hyper_parameters"])
        settings.pop("compiled", None)  # of an earlier version: how it was trained
        classifier = VARIANTS[str(variant)](**settings)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not say how large its network is; use a checkpoint that 'fit' wrote"
        ) from error
    classifier.on_load_checkpoint(checkpoint)
    classifier.load_state_dict(checkpoint["state_dict"])
    return classifier.eval()


def require_sampling(classifier: DenseClassifier, samples: int) -> None:
    """Refuse, before anything is computed, to sample what cannot be sampled.

    Raises:
        InputError: no active dropout, or ``samples`` below 1.
    """
    require_samples(samples)
    active_dropout_layers(classifier.network)


def compare_predictions(
    classifier: DenseClassifier,
    images: LabelledImages,
    validation: LabelledImages,
    *,
    samples: int,
    seed: int,
) -> Comparison:
    """Deterministic, Monte Carlo and temperature-scaled predictions of ``images``, judged.

    The temperature is fitted on the ``validation`` images.

    Raises:
        InputError: no active dropout, or ``samples`` below 1.
    """
    return compare(
        of_raw_images(classifier),
        images.images,
        images.labels,
        temperature=fit_temperature(logits_of(classifier, validation.images), validation.labels),
        samples=samples,
        seed=seed,
    )


def of_raw_images(classifier: DenseClassifier) -> nn.Sequential:
    """The classifier's network with its standardisation before it."""
    return nn.Sequential(classifier.standardise, classifier.network)


def logits_of(classifier: DenseClassifier, images: Tensor) -> Tensor:
    """Logits (images, classes) of raw images, without dropout."""
    return deterministic_logits(of_raw_images(classifier), images)


def monte_carlo_mean(
    classifier: DenseClassifier, images: Tensor, *, samples: int, seed: int
) -> Tensor:
    """Logarithms (images, classes) of the probabilities of raw images, averaged over samples."""
    network = of_raw_images(classifier)
    return monte_carlo_averages(network, images, samples=samples, seed=seed)[samples]


def further_accuracies(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Those that ``test`` gives beside accuracy, where it gives them.

    logits: (images, classes), or log-probabilities.
    """
    classes = logits.shape[1]
    metrics = dict(more_accuracies(classes))
    if has_equal_classes(labels, classes):
        del metrics["balanced_accuracy"]
    return {name: float(metric(logits, labels)) for name, metric in metrics.items()}


def write_comparison(comparison: Comparison, folder: Path, stage: str) -> list[Path]:
    """Write a comparison as JSON and pictures into a run folder; returns the files."""
    report = folder / f"uncertainty_{stage}.json"
    write_text_atomically(report, to_json(comparison))
    files = [report]
    for name, draw in (
        ("samples", draw_sample_counts),
        ("reliability", draw_reliability),
        ("risk_coverage", draw_risk_coverage),
    ):
        files.append(folder / f"{name}_{stage}.png")
        draw(comparison).savefig(files[-1], dpi=120)
    return files
