"""Every form of an image set, packed in every way: recognised, read alike, trained alike.

One small set is written in each form by writers that are not ours and packed in each way; a small
network trains on every copy for an epoch. Lossless copies must have one fingerprint and one
training loss, to the last digit; the controls, other labels and one other pixel, must have
others. Needs the extra ``parquet``. Run:
    PYTHONPATH=tests/helpers python benchmarks/forms.py
"""

import argparse
import contextlib
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from image_examples import zip_folder
from image_forms import CLASSES, FORMS, binary100, drawn, npz, python100, tar_folder
from lightning.pytorch import Trainer

from lightning_cifar.classifiers import EluClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.training.quiet import quieten

Sets = Mapping[str, tuple[Any, Any]]  # part -> images and labels, plain NumPy
Writer = Callable[[Sets, Path], Path]

PACKINGS = ("folder", "zip", "tar", "tar.gz")
WRITERS: dict[str, Writer] = {name: write for name, (write, _) in FORMS.items()}


@dataclass(frozen=True)
class Row:
    """What became of one copy; ``loss``: of the training, with all its digits."""

    images: str
    form: str
    packing: str
    recognised: str
    fingerprint: str
    loss: str


def main() -> int:
    """Print the table; 1 if two copies differ, or a control does not."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    ).parse_args()
    quieten()
    ten, hundred = drawn(10, 2), drawn(10, 1, classes=100)
    groups = {
        "CIFAR-10": every_packing("CIFAR-10", ten, WRITERS),
        "CIFAR-100": every_packing(
            "CIFAR-100", hundred, {"python": python100, "binary": binary100}
        ),
    }
    controls = [
        trained("other labels", with_other_labels(ten), "npz", npz, "folder"),
        trained("one other pixel", with_another_pixel(ten), "npz", npz, "folder"),
    ]
    rows = [row for group in groups.values() for row in group]
    print(table([*rows, *controls]))
    alike = {name: {(row.fingerprint, row.loss) for row in group} for name, group in groups.items()}
    faults = [f"the copies of {name} differ" for name, found in alike.items() if len(found) > 1]
    fingerprints, losses = ({getattr(row, key) for row in rows} for key in ("fingerprint", "loss"))
    faults += [
        f"{row.images}: same fingerprint" for row in controls if row.fingerprint in fingerprints
    ]
    faults += [f"{row.images}: same loss" for row in controls if row.loss in losses]
    print("\n".join(faults) or f"{len(rows)} copies: one fingerprint and one loss for each set")
    return 1 if faults else 0


def every_packing(images: str, sets: Sets, writers: Mapping[str, Writer]) -> list[Row]:
    """A row for each form and packing of a set."""
    return [
        trained(images, sets, form, write, packing)
        for form, write in writers.items()
        for packing in PACKINGS
    ]


def trained(images: str, sets: Sets, form: str, write: Writer, packing: str) -> Row:
    """Write a set, pack it, train on it for an epoch."""
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        folder = Path(name)
        source = packed(write(sets, folder / "images"), packing, folder)
        cache = str(folder / "cache")
        data = CIFAR10DataModule(path=str(source), cache=cache, batch_size=16)
        count = data.class_count
        classifier = EluClassifier(depth=2, width=8, learning_rate=1e-3, classes=count)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=name,
        )
        trainer.fit(classifier, data)
        loss = float(trainer.callback_metrics["train_loss"])
        recognised = f"{data.found['form']}, {count} classes"
        return Row(images, form, packing, recognised, data.fingerprint[:12], repr(loss))


def packed(source: Path, packing: str, folder: Path) -> Path:
    """The folder itself, or an archive of it."""
    if packing == "folder":
        return source
    pack = zip_folder if packing == "zip" else tar_folder
    path: Path = pack(source, folder / f"packed.{packing}")
    return path


def with_other_labels(sets: Sets) -> Sets:
    """The same images, each with the label of the next class."""
    return {part: (images, (labels + 1) % len(CLASSES)) for part, (images, labels) in sets.items()}


def with_another_pixel(sets: Sets) -> Sets:
    """The same images but for one grey level of the first one."""
    images, labels = sets["train"]
    changed = np.array(images)
    changed[0, 0, 0, 0] ^= 1
    return {**sets, "train": (changed, labels)}


def table(rows: list[Row]) -> str:
    """The rows as Markdown; packings that came to the same share a line."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        key = (row.images, row.form, row.recognised, row.fingerprint, row.loss)
        groups.setdefault(key, []).append(row.packing)
    head = ["images", "written as", "packed as", "recognised as", "fingerprint", "training loss"]
    lines = [
        [images, form, ", ".join(packings), *rest]
        for (images, form, *rest), packings in groups.items()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


if __name__ == "__main__":
    raise SystemExit(main())
