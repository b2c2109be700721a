"""What is done with finished runs without a trainer: prediction, export, test of an ensemble."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lightning_cifar.cli.arguments import check_keys, check_seed
from lightning_cifar.cli.help import Parser
from lightning_cifar.errors import InputError
from lightning_cifar.runs.export_formats import SUFFIXES, ExportFormat
from lightning_cifar.runs.folders import RUNS_FOLDER, existing_runs, new_run_folder

if TYPE_CHECKING:
    from lightning_cifar.classifiers import DenseClassifier

# Format → the function of uncertainty.prediction that writes it.
WRITERS = {"table": "rows_as_table", "csv": "rows_as_csv", "json": "rows_as_json"}

RUNS: dict[str, Any] = {
    **{"type": Path, "action": "append", "required": True, "metavar": "FOLDER"},
    "help": "run folder of a fit; several runs are an ensemble",
}


def predict(arguments: list[str]) -> int:
    """Classify your own images with the best weights of a run, or of several together."""
    parser = Parser("lightning-cifar predict", description=predict.__doc__)
    add = parser.add_argument
    add("paths", type=named_path, nargs="+", metavar="PATH", help="image file, folder, zip or tar")
    add("--run", **RUNS)
    add("--format", choices=list(WRITERS), default="table", help="output format [table]")
    add("--mc_samples", type=int, metavar="N", help="average N predictions with dropout on")
    add("--seed", type=int, default=0, metavar="N", help="seed of those N predictions [0]")
    add("--contact_sheet", type=Path, metavar="FILE", help="draw the most and least certain images")
    options = parser.parse_args(arguments)
    existing_runs(options.run)  # before torch is loaded
    if options.contact_sheet is not None and not options.contact_sheet.suffix:
        raise InputError(  # matplotlib would take another name
            f"cannot draw {options.contact_sheet}: the end of the name says no format; give a name "
            "that ends in .png"
        )
    from lightning_cifar.uncertainty import prediction as predictions
    from lightning_cifar.uncertainty.ensembles import load_members, predict_images
    from lightning_cifar.uncertainty.figures import draw_contact_sheet
    from lightning_cifar.uncertainty.user_images import load_images

    classifiers = [each.classifier for each in load_members(options.run)]
    check_sampling(classifiers, options.mc_samples, options.seed, "--seed")
    classifier = classifiers[0]
    images = load_images(options.paths, classifier.image_shape[1])
    prediction = predict_images(classifiers, images.images, options.mc_samples, options.seed)
    rows = predictions.prediction_rows(
        images.names,
        prediction,
        classifier.class_names,
        notes=images.notes,
        sampled=options.mc_samples is not None or len(classifiers) > 1,
    )
    write = getattr(predictions, WRITERS[options.format])
    print(write(rows).rstrip("\n"))
    if options.contact_sheet is not None:
        sheet = draw_contact_sheet(images.images, images.names, prediction, classifier.class_names)
        try:
            sheet.savefig(options.contact_sheet, dpi=120)
        except ValueError as error:  # a format that matplotlib does not know
            raise InputError(f"cannot draw {options.contact_sheet}: {error}") from error
    for line in images.skipped:
        print(f"lightning-cifar: skipped {line}", file=sys.stderr)
    return 1 if images.skipped else 0


def named_path(text: str) -> Path:
    """A path that somebody typed; an empty one would mean the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError(
            "it is empty; give an image file, a folder, a zip or a tar"
        )
    return Path(text)


def check_sampling(
    classifiers: "list[DenseClassifier]", samples: int | None, seed: int, name: str
) -> None:
    """Refuse samples that cannot be drawn; name: of the seed's option."""
    if samples is None:
        return
    from lightning_cifar.uncertainty.evaluation import require_sampling

    for classifier in classifiers:
        require_sampling(classifier, samples)
    check_seed(seed, name)


def evaluate_ensemble(arguments: list[str]) -> int:
    """Evaluate several runs as an ensemble, beside each of them."""
    parser = Parser("lightning-cifar test", description=evaluate_ensemble.__doc__)
    add = parser.add_argument
    add("--run", **RUNS)
    add("--data.path", dest="path")
    add("--data.cache", dest="cache")
    add("--mc_samples", type=int)
    add("--seed_everything", type=int, default=0)
    options, others = parser.parse_known_args(arguments)
    if others:
        raise InputError(
            f"the test of several runs does not take {others[0]!r}; it takes --run, --data.path, "
            "--data.cache, --mc_samples and --seed_everything"
        )
    existing_runs(options.run)  # before torch is loaded
    from lightning_cifar.runs.resuming import saved_settings
    from lightning_cifar.runs.same_network import check_same_classes
    from lightning_cifar.uncertainty.ensemble_report import (
        ensemble_text,
        figures_of,
        write_ensemble_test,
    )
    from lightning_cifar.uncertainty.ensemble_scores import judge
    from lightning_cifar.uncertainty.ensembles import load_members
    from lightning_cifar.uncertainty.shared_images import shared_images

    for run in options.run:
        check_keys(saved_settings(run))
    members = load_members(options.run)
    classifiers = [each.classifier for each in members]
    samples, seed = options.mc_samples, options.seed_everything
    check_seed(seed)
    check_sampling(classifiers, samples, seed, "seed_everything")
    places = {"path": options.path, "cache": options.cache}
    given = {key: place for key, place in places.items() if place is not None}
    data = shared_images(options.run, given)
    check_same_classes(classifiers[0].class_names, data.classes)
    test = judge(classifiers, data.test, data.validation, samples=samples, seed=seed)
    names = [each.name for each in members]
    print(ensemble_text(test, names, figures_of(test.log_probabilities, data.test)))
    folder = new_run_folder(None, RUNS_FOLDER, "ensemble")
    for file in write_ensemble_test(test, members, data.test, data.fingerprint, folder):
        print(f"wrote {file}")
    return 0


def export_run(arguments: list[str]) -> int:
    """Write a run's network, or an ensemble, for other programs: raw uint8 images in, logits out.

    The logits of an ensemble are the logarithms of its mean probabilities.
    """
    parser = Parser("lightning-cifar export", description=export_run.__doc__)
    add = parser.add_argument
    add("--run", **RUNS)
    add("--format", choices=get_args(ExportFormat), required=True, help="file format")
    add("--out", type=Path, metavar="FILE", help="file to write; by default in the run folder")
    options = parser.parse_args(arguments)
    existing_runs(options.run)  # before torch is loaded
    if len(options.run) > 1 and options.out is None:
        raise InputError("an ensemble is no run and has no folder of its own; add --out FILE")
    import torch

    from lightning_cifar.runs.export import export
    from lightning_cifar.uncertainty.ensembles import Ensemble, described, load_members

    classifiers = [each.classifier for each in load_members(options.run)]
    path = options.out or options.run[0] / f"model{SUFFIXES[options.format]}"
    generator = torch.Generator().manual_seed(0)
    batch = torch.randint(
        0, 256, (8, *classifiers[0].image_shape), dtype=torch.uint8, generator=generator
    )
    if sys.stderr.isatty():  # others wait without looking
        print(f"writing {path} and comparing it with the original ...", file=sys.stderr)
    difference = export(
        classifiers[0] if len(classifiers) == 1 else Ensemble(classifiers),
        path,
        format=options.format,
        batch=batch,
        description=described(classifiers),
    )
    print(f"{path}: largest difference of a logit from the original {difference:.1e}")
    return 0
