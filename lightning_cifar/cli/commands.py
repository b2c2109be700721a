"""``predict`` and ``export``: what can be done with a finished run without a trainer."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lightning_cifar.cli.arguments import check_seed
from lightning_cifar.cli.help import Parser
from lightning_cifar.errors import InputError
from lightning_cifar.runs.export_formats import SUFFIXES, ExportFormat
from lightning_cifar.runs.folders import existing_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from lightning_cifar.classifiers import DenseClassifier
    from lightning_cifar.uncertainty.measures import Prediction

# Format → the function of uncertainty.prediction that writes it.
WRITERS = {"table": "rows_as_table", "csv": "rows_as_csv", "json": "rows_as_json"}


def predict(arguments: list[str]) -> int:
    """Classify your own images with a run's best weights."""
    parser = Parser("lightning-cifar predict", description=predict.__doc__)
    add = parser.add_argument
    add("paths", type=named_path, nargs="+", metavar="PATH", help="image file, folder, zip or tar")
    add("--run", type=Path, required=True, metavar="FOLDER", help="run folder of a fit")
    add("--format", choices=list(WRITERS), default="table", help="output format [table]")
    add("--mc_samples", type=int, metavar="N", help="average N predictions with dropout on")
    add("--seed", type=int, default=0, metavar="N", help="seed of those N predictions [0]")
    add("--contact_sheet", type=Path, metavar="FILE", help="draw the most and least certain images")
    options = parser.parse_args(arguments)
    existing_run(options.run)  # before torch is loaded
    return classify(options)


def named_path(text: str) -> Path:
    """A path that somebody typed; an empty one would mean the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError(
            "it is empty; give an image file, a folder, a zip or a tar"
        )
    return Path(text)


def classify(options: argparse.Namespace) -> int:
    """Print the prediction of every image; returns 1 when some could not be decoded."""
    from lightning_cifar.uncertainty import prediction as predictions
    from lightning_cifar.uncertainty.evaluation import load_classifier
    from lightning_cifar.uncertainty.figures import draw_contact_sheet
    from lightning_cifar.uncertainty.user_images import load_images

    classifier = load_classifier(options.run)
    check_sampling(classifier, options)
    images = load_images(options.paths, classifier.image_shape[1])
    prediction = predicted(classifier, images.images, options.mc_samples, options.seed)
    rows = predictions.prediction_rows(
        images.names,
        prediction,
        classifier.class_names,
        notes=images.notes,
        sampled=options.mc_samples is not None,
    )
    write = getattr(predictions, WRITERS[options.format])
    print(write(rows).rstrip("\n"))
    if options.contact_sheet is not None:
        sheet = draw_contact_sheet(images.images, images.names, prediction, classifier.class_names)
        save_picture(sheet, options.contact_sheet)
    for line in images.skipped:
        print(f"lightning-cifar: skipped {line}", file=sys.stderr)
    return 1 if images.skipped else 0


def check_sampling(classifier: "DenseClassifier", options: argparse.Namespace) -> None:
    """Refuse samples that cannot be drawn, before anything is computed.

    Raises:
        InputError: no active dropout, fewer than one sample, or a seed out of range.
    """
    if options.mc_samples is None:
        return
    from lightning_cifar.uncertainty.evaluation import require_sampling

    require_sampling(classifier, options.mc_samples)
    check_seed(options.seed, "--seed")


def save_picture(figure: "Figure", path: Path) -> None:
    """Write a figure in the format that its name ends with.

    Raises:
        InputError: matplotlib does not know the format.
    """
    try:
        figure.savefig(path, dpi=120)
    except ValueError as error:
        raise InputError(f"cannot draw {path}: {error}") from error


def predicted(
    classifier: "DenseClassifier", images: "Tensor", samples: int | None, seed: int
) -> "Prediction":
    """Of raw images (n, 3, size, size), by Monte Carlo dropout if ``samples`` are asked for."""
    import torch

    from lightning_cifar.uncertainty.measures import deterministic_prediction, prediction_of
    from lightning_cifar.uncertainty.monte_carlo import sample_logits

    with torch.no_grad():
        standardised = classifier.standardise(images)
        if samples is None:
            return deterministic_prediction(classifier.network(standardised))
        return prediction_of(
            sample_logits(classifier.network, standardised, samples=samples, seed=seed)
        )


def export_run(arguments: list[str]) -> int:
    """Write a run's network for other programs: raw uint8 images in, logits out."""
    parser = Parser("lightning-cifar export", description=export_run.__doc__)
    add = parser.add_argument
    add("--run", type=Path, required=True, metavar="FOLDER", help="run folder of a fit")
    add("--format", choices=get_args(ExportFormat), required=True, help="file format")
    add("--out", type=Path, metavar="FILE", help="file to write; by default in the run folder")
    options = parser.parse_args(arguments)
    existing_run(options.run)  # before torch is loaded
    import torch

    from lightning_cifar.classifiers import variant_of
    from lightning_cifar.runs.export import export
    from lightning_cifar.uncertainty.evaluation import load_classifier

    classifier = load_classifier(options.run)
    path = options.out or options.run / f"model{SUFFIXES[options.format]}"
    generator = torch.Generator().manual_seed(0)
    batch = torch.randint(
        0, 256, (8, *classifier.image_shape), dtype=torch.uint8, generator=generator
    )
    description = {"variant": variant_of(classifier), **classifier.hparams}
    difference = export(
        classifier, path, format=options.format, batch=batch, description=description
    )
    print(f"{path}: largest difference of a logit from the original {difference:.1e}")
    return 0
