"""Deep ensembles, temperature scaling and Monte Carlo dropout on the network of the exercise.

    python -m benchmarks.uncertainty --path cifar10-jpeg.zip --runs FOLDER

trains what is missing in the folder, ten networks of each kind as one stack: the variants without
dropout, and alpha dropout at several rates, before the output and after every layer, each kind with
its own search for a rate. It then predicts with one network and with ensembles, with and without a
temperature, with and without Monte Carlo dropout: on the test images, on these under eight
corruptions of five strengths, and on images of another kind. Records go to --out, a file for each
kind of network and one of comparisons; docs/uncertainty.md is written from them by
``python -m benchmarks.uncertainty_page``. Interrupted, the same command goes on.

    python -m benchmarks.uncertainty --runs /tmp/try --out /tmp/try/records --tiny

tries all of it within a minute, on drawn images. Networks that stand in the folder already, as
<kind>/<seed>/, are evaluated as they are; of another length or other images they are refused.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.uncertainty_comparisons import (
    chosen,
    ensembles_planned,
    over_images,
    over_seeds,
    planned,
)
from benchmarks.uncertainty_records import ConditionRecord, Networks, Sizes, test_part
from benchmarks.uncertainty_training import conditions, require_alike, train
from benchmarks.uncertainty_ways import SIZES
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.uncertainty.report import without_nan

RESULTS = Path(__file__).parent / "results" / "uncertainty"
VARIANTS = ("elu", "batch_norm", "selu")
RATES = (0.05, 0.1, 0.2, 0.3, 0.5)
# Options that do not decide what is found, or that are named in other words.
UNNAMED = ("path", "runs", "out", "tiny", "threads")
# A minute on one core, to see whether all works; nothing follows from its figures.
TINY: dict[str, Any] = {
    **{"seeds": 3, "epochs": 1, "depth": 3, "width": 20, "rates": [0.1], "variants": ["elu"]},
    **{"images": 300, "shift_images": 100, "samples": 3},
}


def command_line() -> argparse.ArgumentParser:
    """The options and their defaults."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--path", help="folder or zip of images; without it the drawn set")
    add("--runs", type=Path, required=True, help="folder of the networks")
    add("--out", type=Path, default=RESULTS, help="folder of the records")
    add("--tiny", action="store_true", help="a small try")
    add("--seeds", type=int, default=10)
    add("--epochs", type=int, default=15, help="length of the 1cycle schedule")
    add("--variants", nargs="*", default=list(VARIANTS), help="without dropout")
    add("--rates", nargs="*", type=float, default=list(RATES), help="of alpha dropout")
    add("--every_rates", nargs="*", type=float, help="after every layer, if others than --rates")
    add("--depth", type=int, default=20)
    add("--width", type=int, default=100)
    add("--images", type=int, default=10_000, help="test images at most")
    add("--shift_images", type=int, default=2_000, help="of these, under corruptions")
    add("--samples", type=int, default=50, help="of Monte Carlo dropout")
    add("--threads", type=int, default=1)
    return parser


def arguments() -> argparse.Namespace:
    """What was asked for; a small try has other defaults."""
    parser = command_line()
    if parser.parse_args().tiny:
        parser.set_defaults(**TINY)
    return parser.parse_args()


def images(options: argparse.Namespace) -> CIFAR10DataModule:
    """Training, validation and test images."""
    source = {"path": options.path} if options.path else {"source": "synthetic"}
    data = CIFAR10DataModule(**source)  # type: ignore[arg-type]
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def main() -> None:
    """Train, evaluate, compare; each step is kept when it is done."""
    options = arguments()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    options.runs.mkdir(parents=True, exist_ok=True)
    data = images(options)
    size = {"depth": options.depth, "width": options.width}
    sizes = Sizes(min(options.images, len(data.test_images)), options.shift_images, options.samples)
    records: dict[str, ConditionRecord] = {}
    failed: dict[str, str] = {}
    asked, seeds = (
        conditions(options.variants, options.rates, options.every_rates),
        range(options.seeds),
    )
    try:
        require_alike(asked, seeds, data, options.runs, options.epochs)
    except InputError as error:
        raise SystemExit(f"benchmarks.uncertainty: {error}") from error
    for condition in asked:
        try:
            train(condition, seeds, data, options.runs, epochs=options.epochs, size=size)
        except InputError as error:  # a rate of dropout at which nothing learns is a result
            failed[condition.name] = str(error)
            continue
        networks = Networks(options.runs / condition.name, seeds)
        records[condition.name] = ConditionRecord(networks, sizes, options.out, options.runs)
        records[condition.name].evaluate(data)
    if not records:
        raise SystemExit(f"benchmarks.uncertainty: nothing could be trained: {failed}")
    roles = chosen({name: each.fields for name, each in records.items()})
    for name in dict.fromkeys([*options.variants, *roles.values()]):
        if name in records:
            records[name].shift(data)
            records[name].foreign(data)
    write_comparisons(records, roles, failed, data, options)


def command(options: argparse.Namespace) -> str:
    """What was typed: path, and options that are not at their default."""
    words = ["python -m benchmarks.uncertainty", "--runs FOLDER"]
    if options.path is not None:
        words.insert(1, f"--path {Path(options.path).name}")
    defaults = command_line()
    if options.tiny:
        words.append("--tiny")
        defaults.set_defaults(**TINY)
    for name, value in vars(options).items():
        if name not in UNNAMED and value != defaults.get_default(name):
            words.append(f"--{name}")
            words += map(str, value if isinstance(value, list) else [value])
    return " ".join(words)


def write_comparisons(
    records: dict[str, ConditionRecord],
    roles: dict[str, str],
    failed: dict[str, str],
    data: CIFAR10DataModule,
    options: argparse.Namespace,
) -> None:
    """Judge what was planned, and write it with what was asked for."""
    fields = {name: each.fields for name, each in records.items()}
    fewest = min(len(each.networks.classifiers) for each in records.values())
    sizes = [size for size in SIZES[1:] if size <= fewest]
    comparisons = ensembles_planned(roles, sizes)
    predictions = {name: records[name].predictions(data)["test"] for name in roles.values()}
    labels = test_part(data, options.images).labels
    found = {
        "about": {
            "command": command(options),
            "commit": commit(),
            "versions": versions(),
            "device": device_name(torch.device("cpu")),
            "images": "drawn" if options.path is None else Path(options.path).name,
            "tiny": options.tiny,
            "test_images": len(labels),
            "validation_images": len(data.validation_images),
            "training_images": len(data.train_images),
        },
        "order": list(records),
        "failed": failed,
        "chosen": roles,
        "families": {
            family: over_seeds(fields, each) for family, each in planned(fields, roles).items()
        },
        "ensembles": over_images(comparisons, predictions, fields, labels),
    }
    text = json.dumps(without_nan(found), separators=(",", ":")).replace("},", "},\n")
    write_text_atomically(options.out / "comparisons.json", text + "\n")
    print(f"wrote {options.out / 'comparisons.json'}")


if __name__ == "__main__":
    main()
