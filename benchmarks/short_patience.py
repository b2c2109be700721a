"""How much patience a fit of few images needs: a share of right answers by patience in steps.

    python benchmarks/short_patience.py --out benchmarks/results/short_patience.json

Of sixty noisy pictures of three colours an epoch is one step. Each fit searches its rate, stops
early and keeps its best weights; it is judged by the ten pictures of the validation part.
"""

import argparse
import json
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
from lightning.pytorch import Trainer, seed_everything
from PIL import Image

from lightning_cifar import BestWeights, CIFAR10DataModule, LearningRateSearch
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, versions

COLOURS = ("red", "green", "blue")
PICTURES = 20  # of each colour
SIZE = 40  # pixels a side
EPOCHS = 400
NAMES = ("elu", "selu")


def paint(folder: Path) -> None:
    """Write pictures of noise, each brighter in its class's channel."""
    generator = np.random.default_rng(0)
    for channel, colour in enumerate(COLOURS):
        (folder / colour).mkdir()
        for number in range(PICTURES):
            pixels = generator.integers(0, 160, (SIZE, SIZE, 3))
            pixels[..., channel] += generator.integers(20, 95)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / colour / f"{number}.png")


def accuracy(name: str, seed: int, patience: int, images: Path, scratch: Path) -> dict[str, float]:
    """The validation accuracy of the kept weights, their epoch and the steps of an epoch."""
    seed_everything(seed)
    data = CIFAR10DataModule(path=str(images), cache=str(scratch / "cache"), seed=seed)
    classifier = VARIANTS[name](seed=seed, classes=len(COLOURS))
    best = BestWeights(patience=patience)
    search = LearningRateSearch(cache=str(scratch / "cache"))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        trainer = Trainer(
            max_epochs=EPOCHS,
            accelerator="cpu",
            callbacks=[search, best],
            default_root_dir=folder,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(classifier, data)
        steps = trainer.global_step / trainer.current_epoch
        (found,) = trainer.validate(classifier, data, verbose=False)
    return {"accuracy": found["val_accuracy"], "epoch": best.best_epoch + 1, "steps": steps}


def main() -> None:
    """Train, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patience", type=int, nargs="+", default=[10, 30, 75, 150])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        images, scratch = Path(folder, "images"), Path(folder, "scratch")
        images.mkdir()
        scratch.mkdir()
        paint(images)
        for name in NAMES:
            for patience in options.patience:
                fits = [
                    accuracy(name, seed, patience, images, scratch) for seed in range(options.seeds)
                ]
                results.append({"variant": name, "patience": patience, "fits": fits})
                shares = " ".join(f"{each['accuracy']:.0%}" for each in fits)
                steps = patience * fits[0]["steps"]
                print(f"{name}, patience {patience}, {steps:.0f} steps: {shares}", flush=True)
    if options.out:
        record = {"versions": versions(), "commit": commit(), "results": results}
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
