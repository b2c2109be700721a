"""What Monte Carlo dropout costs and what it is worth: T samples against one deterministic pass.

    python benchmarks/mc_dropout.py                        costs of both placements, fresh weights
    python benchmarks/mc_dropout.py --run RUN --run RUN    and the verdicts on the runs' test images

Cost: all contestants of a round follow each other, and each figure is the median over the rounds of
the ratio to that round's deterministic pass: what slows the machine for a while slows both. It does
not depend on the weights, so fresh ones serve where there is no run, and each placement is timed
once. Verdict: 100 samples against the deterministic prediction on the test images, with 95 %
intervals of a paired bootstrap. A run with dropout before the output alone is judged a second time
with dropout after every layer of the same weights.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightning_cifar.classifiers import AlphaDropoutClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.folders import existing_run
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.runs.records import RECORD_FILE, read_record
from lightning_cifar.runs.resuming import saved_settings
from lightning_cifar.uncertainty.comparison import Comparison, deterministic_logits
from lightning_cifar.uncertainty.evaluation import compare_predictions, load_classifier
from lightning_cifar.uncertainty.measures import prediction_of
from lightning_cifar.uncertainty.monte_carlo import logit_blocks, naive_logits

SAMPLES = (1, 10, 100)
SEED = 0
MEASURES = ("accuracy", "nll", "calibration_error")


def contestants(network: nn.Sequential, images: Tensor, naive_limit: int) -> dict[str, Callable]:
    """What is timed, by name; the deterministic pass first."""
    timed: dict[str, Callable] = {"deterministic": lambda: deterministic_logits(network, images)}
    for samples in SAMPLES:
        timed[f"cached {samples}"] = lambda samples=samples: cached(network, images, samples)
        if samples <= naive_limit:
            timed[f"naive {samples}"] = lambda samples=samples: prediction_of(
                naive_logits(network, images, samples=samples, seed=SEED)
            )
    return timed


def cached(network: nn.Sequential, images: Tensor, samples: int) -> None:
    """The whole prediction: averaged probabilities and entropies of every image."""
    blocks = logit_blocks(network, images, samples=samples, seed=SEED)
    for block in blocks:
        prediction_of(block)


def seconds(action: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, the device's queue emptied before and after."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def measured(
    network: nn.Sequential, images: Tensor, *, rounds: int, naive_limit: int
) -> dict[str, float]:
    """Median seconds of the deterministic pass, and the median ratio to it of all the others."""
    timed = contestants(network, images, naive_limit)
    for name in ("deterministic", f"cached {SAMPLES[0]}"):
        timed[name]()
    taken = [
        {name: seconds(action, images.device) for name, action in timed.items()}
        for _ in range(rounds)
    ]
    ratios = {
        name: statistics.median(times[name] / times["deterministic"] for times in taken)
        for name in list(timed)[1:]
    }
    return {"deterministic_seconds": statistics.median(t["deterministic"] for t in taken), **ratios}


@dataclass(frozen=True)
class Subject:
    """A network with its dropout layers somewhere, and the images it is tried on."""

    trained: str
    predicts: str
    classifier: AlphaDropoutClassifier
    data: CIFAR10DataModule | None = None
    val_accuracy: float | None = None

    def inputs(self, count: int) -> Tensor:
        """Standardised test images, or noise where there is no run."""
        if self.data is None:
            generator = torch.Generator().manual_seed(SEED)
            return torch.randn(count, 3, 32, 32, generator=generator)
        with torch.no_grad():
            standardised: Tensor = self.classifier.standardise(self.data.test_images.images)
            return standardised[:count]


def placement(everywhere: bool) -> str:
    """Where the dropout layers are, in words."""
    return "after every layer" if everywhere else "before the output"


def subjects_of(run: Path) -> list[Subject]:
    """A run as it was trained, and with dropout after every layer if it was not."""
    classifier = load_classifier(existing_run(run))
    if not isinstance(classifier, AlphaDropoutClassifier):
        raise InputError(f"{run} has no dropout; give a run of alpha_dropout")
    data = CIFAR10DataModule(**saved_settings(run)["data"])
    data.setup("validate")
    data.setup("test")
    best = read_record(run / RECORD_FILE).best
    accuracy = None if best is None else best.val_accuracy
    trained = placement(classifier.dropout_everywhere)
    kinds = [classifier] if classifier.dropout_everywhere else [classifier, everywhere(classifier)]
    return [
        Subject(trained, placement(kind.dropout_everywhere), kind, data, accuracy) for kind in kinds
    ]


def everywhere(classifier: AlphaDropoutClassifier) -> AlphaDropoutClassifier:
    """The same weights with dropout after every hidden layer."""
    other = AlphaDropoutClassifier(**{**classifier.hparams, "dropout_everywhere": True})
    # Dropout layers have no weights but are numbered: same order, other names.
    state = zip(other.state_dict(), classifier.state_dict().values(), strict=True)
    other.load_state_dict(dict(state))
    return other.eval()


def fresh_subjects() -> list[Subject]:
    """Both placements without a run."""
    kinds = [AlphaDropoutClassifier(dropout_everywhere=each).eval() for each in (False, True)]
    return [Subject("not", placement(each.dropout_everywhere), each) for each in kinds]


def verdict(subject: Subject) -> dict[str, Any]:
    """The comparison on the test images, without the tables of its figures."""
    assert subject.data is not None
    comparison: Comparison = compare_predictions(
        subject.classifier,
        subject.data.test_images,
        subject.data.validation_images,
        samples=SAMPLES[-1],
        seed=SEED,
    )
    fields = asdict(comparison)
    return {key: fields[key] for key in fields if key not in ("reliability", "risk_coverage")}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, action="append", default=[], help="a run folder")
    parser.add_argument("--images", type=int, default=10_000, help="images that are timed")
    parser.add_argument(
        "--rounds", type=int, default=5, help="of the timing; 0: those in --out stay"
    )
    parser.add_argument("--naive_limit", type=int, default=100, help="largest naive T")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    return parser.parse_args()


def costs(subjects: list[Subject], chosen: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The cost figures of each placement, on the first subject that has it."""
    figures: dict[str, dict[str, float]] = {}
    device = torch.device(chosen.device)
    for subject in subjects if chosen.rounds else []:
        if subject.predicts in figures:
            continue
        network, images = subject.classifier.network.to(device), subject.inputs(chosen.images)
        figures[subject.predicts] = measured(
            network, images.to(device), rounds=chosen.rounds, naive_limit=chosen.naive_limit
        )
        subject.classifier.network.cpu()
        print_costs(subject.predicts, figures[subject.predicts])
    return figures


def print_costs(name: str, figures: dict[str, float]) -> None:
    """A line per figure."""
    print(f"dropout {name}")
    for key, value in figures.items():
        print(f"  {key:24} {value:10.3f}", flush=True)


def print_verdict(subject: Subject, found: dict[str, Any]) -> None:
    """A line per measure."""
    print(f"dropout {subject.predicts}, trained {subject.trained}; T = {found['samples']}")
    for key in MEASURES:
        difference = found["differences"]["monte_carlo"][key]
        before, after = (found["scores"][each][key] for each in ("deterministic", "monte_carlo"))
        print(
            f"  {key:18}{before:8.4f} -> {after:8.4f}  {difference['value']:+.4f} "
            f"({difference['low']:+.4f} to {difference['high']:+.4f}): {difference['verdict']}",
            flush=True,
        )


def main() -> None:
    """Time the placements, judge the runs, print and write the figures."""
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    subjects = [each for run in chosen.run for each in subjects_of(run)] or fresh_subjects()
    cost, verdicts = costs(subjects, chosen), []
    for subject in subjects if chosen.run else []:
        found = verdict(subject)
        print_verdict(subject, found)
        about = {"trained": subject.trained, "predicts": subject.predicts}
        verdicts.append({**about, "val_accuracy": subject.val_accuracy, **found})
    if chosen.out is not None:
        about = {key: getattr(chosen, key) for key in ("images", "rounds", "threads")}
        machine = device_name(torch.device(chosen.device))
        record = {"commit": commit(), "versions": versions(), "device": machine, **about}
        record |= {"costs": cost, "verdicts": verdicts}
        if not chosen.rounds and chosen.out.exists():
            timed = json.loads(chosen.out.read_text())
            record |= {key: timed[key] for key in (*about, "device", "costs")}
        write_text_atomically(chosen.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
