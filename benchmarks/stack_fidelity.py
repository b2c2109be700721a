"""Whole runs alone against the same runs in a stack: is a member's accuracy that of a single fit?

    python benchmarks/stack_fidelity.py --path cifar10-jpeg.zip \
        --out benchmarks/results/stack_fidelity.json

For each seed of a study's condition one single fit with the same rate, seed, images and early
stopping, in float32 under the ordinary Trainer. Over twenty steps in float64 a member and a single
fit agree to 1e-9 (tests/stack/test_fit.py); over a whole run rounding makes other weights of them,
and what can be asked is whether their test accuracies differ: paired by seed, with an exact
sign-flip test and a test of equivalence within one point.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Trainer

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.study.records import StudyRecord, read_study
from lightning_cifar.study.sign_flips import confidence_interval, sign_flip_p
from lightning_cifar.study.statistics import equivalence_p
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.quiet import quieten
from lightning_cifar.training.resume import ResumePoint
from lightning_cifar.uncertainty.evaluation import logits_of

STUDY = Path(__file__).parent / "results" / "study"
SET_UP, MARGIN = "exercise", 1.0


def main() -> None:
    """Fit, compare, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--path", required=True, help="folder or zip of CIFAR-10 images")
    parser.add_argument("--study", type=Path, default=STUDY)
    parser.add_argument("--variant", default="elu", choices=VARIANTS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    quieten()
    members = sorted(
        (
            each
            for each in read_study(options.study)[0]
            if (each.set_up, each.variant) == (SET_UP, options.variant) and not each.failure
        ),
        key=lambda each: each.seed,
    )
    pairs = []
    for member in members:
        alone = accuracy_alone(member, options.path)
        pairs.append((member.seed, 100 * member.test["accuracy"], alone))
        print(
            f"seed {member.seed}: in the stack {pairs[-1][1]:.2f} %, alone {alone:.2f} %",
            flush=True,
        )
    differences = np.array([stacked - alone for _, stacked, alone in pairs])
    low, high = confidence_interval(differences)
    result = {
        "variant": options.variant,
        "pairs": [dict(zip(("seed", "stack", "alone"), pair, strict=True)) for pair in pairs],
        "mean_difference": float(differences.mean()),
        "interval": [low, high],
        "sign_flip_p": sign_flip_p(differences),
        "margin": MARGIN,
        "equivalence_p": equivalence_p(differences, MARGIN),
        "stack_device": members[0].run.device,
        "device": device_name(torch.device("cpu")),
        "versions": versions(),
        "commit": commit(),
    }
    print(
        f"stack - alone: {result['mean_difference']:+.2f} points ({low:+.2f} to {high:+.2f}), "
        f"p {result['sign_flip_p']:.3f}, equivalence within {MARGIN:g} p "
        f"{result['equivalence_p']:.4f}"
    )
    if options.out:
        write_text_atomically(options.out, json.dumps(result, indent=1) + "\n")


def accuracy_alone(member: StudyRecord, path: str) -> float:
    """Test accuracy, in percent, of a single fit with a member's settings."""
    config = member.run.config
    data = CIFAR10DataModule(**config["data"] | {"path": path, "seed": member.seed})
    settings = config["model"]["init_args"] | {"seed": member.seed}
    classifier = VARIANTS[member.variant](**settings)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=config["trainer"]["max_epochs"],
            callbacks=[BestWeights(**config["early_stopping"]), ResumePoint()],
            default_root_dir=folder,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(classifier, data)
    data.setup("test")
    test = data.test_images
    logits = logits_of(classifier.eval(), test.images)
    return 100 * float((logits.argmax(1) == test.labels).double().mean())


if __name__ == "__main__":
    main()
