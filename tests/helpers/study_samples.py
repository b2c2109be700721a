"""A study made up from known figures, so that what a report says of it can be known too."""

import base64
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lightning_cifar.runs.records import EpochRecord, RunRecord
from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.study.records import StudyRecord, write_study_record

VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
DEPTH, IMAGES = 20, 10_000
SAMPLE_COUNTS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Made:
    """What the runs of one cell are made from.

    Attributes:
        accuracy: mean on the test images, a fraction.
        spread: standard deviation over seeds of what seeds do not share.
        epochs: to the lowest loss.
        loss: the lowest.
        learning_rate: that the search found.
    """

    accuracy: float
    epochs: int = 12
    loss: float = 1.45
    spread: float = 0.003
    learning_rate: float = 6e-4


EXERCISE = {
    "elu": Made(0.490, 16, 1.47),
    "batch_norm": Made(0.525, 10, 1.37, learning_rate=2e-3),
    "selu": Made(0.492, 9, 1.46),
    "alpha_dropout": Made(0.494, 12, 1.45, learning_rate=3e-4),
}
SET_UPS = {
    "exercise": EXERCISE,
    "one_cycle": {
        name: replace(made, accuracy=made.accuracy + 0.015, epochs=14)
        for name, made in EXERCISE.items()
    },
    "augmented": {"batch_norm": Made(0.575, 60, 1.22)},
    "published": {
        "elu": Made(0.478, 27, 1.50, learning_rate=5e-5),
        "batch_norm": Made(0.532, 20, 1.36, learning_rate=5e-4),
        "selu": Made(0.481, 8, 1.47, learning_rate=7e-4),
        "alpha_dropout": Made(0.487, 8, 1.48, learning_rate=5e-4),
    },
}
SEEDS = {"exercise": 10, "one_cycle": 10, "augmented": 3, "published": 3}
COMPARISONS = [
    {
        "question": "8c model",
        "first": "exercise/batch_norm",
        "second": "exercise/elu",
        "measure": "test_accuracy",
    },
    {
        "question": "8c convergence",
        "first": "exercise/batch_norm",
        "second": "exercise/elu",
        "measure": "epochs_to_loss",
        "loss": 1.55,
    },
    {
        "question": "8d match",
        "first": "exercise/selu",
        "second": "exercise/batch_norm",
        "measure": "test_accuracy",
        "margin": 1.0,
    },
    {
        "question": "8d elu",
        "first": "exercise/selu",
        "second": "exercise/elu",
        "measure": "test_accuracy",
    },
    {
        "question": "8e",
        "first": "exercise/alpha_dropout",
        "second": "exercise/selu",
        "measure": "test_accuracy",
    },
    *(
        {
            "question": f"8f {variant}",
            "first": f"one_cycle/{variant}",
            "second": f"exercise/{variant}",
            "measure": "test_accuracy",
        }
        for variant in VARIANTS
    ),
    *(
        {
            "question": f"published {variant}",
            "first": f"published/{variant}",
            "second": f"exercise/{variant}",
            "measure": "test_accuracy",
            "tested": False,
        }
        for variant in VARIANTS
    ),
]
PLAN = {
    "seeds": 10,
    "set_ups": {
        name: {"overlays": [], "variants": list(cells), "seeds": SEEDS[name]}
        for name, cells in SET_UPS.items()
    },
    "comparisons": COMPARISONS,
    "runs": {},
}


def sample_record(
    set_up: str, variant: str, seed: int, made: Made | None = None, *, failure: str = ""
) -> StudyRecord:
    """One run; runs of one seed share part of their luck, as real ones do."""
    made = made or SET_UPS[set_up][variant]
    mix = np.random.default_rng([seed, VARIANTS.index(variant), len(set_up)])
    luck = 0.003 * np.random.default_rng(seed).standard_normal()
    accuracy = made.accuracy + luck + made.spread * mix.standard_normal()
    epochs = sample_epochs(made, accuracy, mix)
    right = mix.random(IMAGES) < accuracy
    share = float(right.mean())
    scores = {"accuracy": share, "nll": made.loss + 0.02, "brier": 0.62, "calibration_error": 0.05}
    return StudyRecord(
        name=hashlib.sha256(f"{set_up}/{variant}/{seed}".encode()).hexdigest()[:16],
        set_up=set_up,
        variant=variant,
        seed=seed,
        run=sample_run(variant, seed, made, epochs),
        test={} if failure else scores,
        test_right="" if failure else base64.b64encode(np.packbits(right)).decode(),
        activations=sample_activations(variant),
        monte_carlo=sample_comparison(share, made, mix)
        if variant == "alpha_dropout" and not failure
        else None,
        failure=failure,
    )


def sample_epochs(made: Made, accuracy: float, mix: np.random.Generator) -> tuple[EpochRecord, ...]:
    """A curve with its lowest loss after ``made.epochs`` epochs, give or take one."""
    best = max(2, made.epochs + int(mix.integers(-1, 2)))
    epochs = []
    for number in range(best + 10):
        way = (number - best + 1) / best
        rise = 0.85 * way**2 if way < 0 else 0.02 * (number - best + 1)
        noise = 0 if number == best - 1 else abs(0.006 * mix.standard_normal()) + 0.001
        loss = made.loss + rise + noise
        epochs.append(
            EpochRecord(
                epoch=number,
                train_loss=loss - 0.02 * number,
                train_accuracy=accuracy + 0.01 * number,
                val_loss=loss,
                val_accuracy=accuracy - 0.3 * rise,
                learning_rate=made.learning_rate,
                seconds=3.1,
            )
        )
    return tuple(epochs)


def sample_run(variant: str, seed: int, made: Made, epochs: tuple[EpochRecord, ...]) -> RunRecord:
    """The run record of a curve."""
    best = min(epochs, key=lambda epoch: epoch.val_loss).epoch if epochs else -1
    return RunRecord(
        variant=variant,
        seed=seed,
        learning_rate=made.learning_rate,
        learning_rate_source="search",
        parameters=500_210,
        device="NVIDIA H100",
        versions={"python": "3.11.7", "torch": "2.15.0", "lightning": "2.6.6"},
        commit="4cd42d50d6600c379869a2176c4452dae8cb5a3e",
        data_fingerprint="868190209bff24f5",
        best_epoch=best,
        stop_reason="val_loss had not fallen for 10 epochs",
        epochs=epochs,
        config={"data": {"source": "folder", "batch_size": 128}},
    )


def sample_activations(variant: str) -> tuple[ActivationRecord, ...]:
    """Self-normalised at the start for SELU, drifting as training goes on."""
    layers = np.arange(1, DEPTH + 1)
    means, variances = {
        "elu": (0.05 + 0.02 * layers, 0.9**layers),
        "batch_norm": (0.2 + 0 * layers, 0.6 + 0 * layers),
    }.get(variant, (0.002 * layers - 0.02, 1 - 0.005 * layers))
    return tuple(
        ActivationRecord(
            epoch,
            tuple(np.round(means - drift * 0.01 * layers, 4).tolist()),
            tuple(np.round(variances * (1 + drift * 0.1 * layers), 4).tolist()),
        )
        for epoch, drift in ((-1, 0), (0, 0.3), (5, 1), (10, 1.4))
    )


def sample_comparison(accuracy: float, made: Made, mix: np.random.Generator) -> dict:
    """Monte Carlo dropout: no gain in accuracy, a small one in the other scores."""
    nll = made.loss + 0.02
    shift = 0.0008 * mix.standard_normal()
    scores = {
        "deterministic": {"accuracy": accuracy, "nll": nll, "calibration_error": 0.052},
        "monte_carlo": {
            "accuracy": accuracy + shift,
            "nll": nll - 0.006 + shift,
            "calibration_error": 0.045 + shift,
        },
        "temperature": {"accuracy": accuracy, "nll": nll - 0.012, "calibration_error": 0.012},
    }
    sure = np.linspace(0.15, 0.97, 13)
    return {
        "samples": 100,
        "scores": scores,
        "by_count": [
            {
                "samples": count,
                "accuracy": accuracy + shift - 0.02 / count,
                "nll": nll - 0.006 + 0.05 / count,
            }
            for count in SAMPLE_COUNTS
        ],
        "reliability": {
            way: [
                {"images": 700, "confidence": each, "accuracy": each - gap * (each - 0.1)}
                for each in sure.tolist()
            ]
            for way, gap in (("deterministic", 0.1), ("monte_carlo", 0.08), ("temperature", 0.02))
        },
    }


GRID_RATES = [1e-5 * 2**power for power in range(12)]


def sample_grid() -> dict:
    """Accuracy falls by the square of the distance in factors; far too high does not learn."""
    return {
        f"exercise/{variant}": {
            "starts": 3,
            "grid": [sample_point(made, rate) for rate in GRID_RATES],
            "found": sample_point(made, 1.1 * made.learning_rate),
        }
        for variant, made in EXERCISE.items()
    }


def sample_point(made, rate) -> dict:
    """One rate."""
    if rate > 16 * made.learning_rate:
        return {"rate": rate, "accuracy": None}
    distance = np.log2(rate / made.learning_rate)
    return {"rate": rate, "accuracy": max(0.1, made.accuracy - 0.012 * distance**2)}


COST = {
    "device": "cpu x86_64, 1 of 2 cores",
    "results": {
        "128": {"medians": {"elu": 3.1, "batch_norm": 4.4, "selu": 3.1, "alpha_dropout": 3.3}},
        "32": {"medians": {"elu": 9.8, "batch_norm": 14.6, "selu": 9.9, "alpha_dropout": 10.2}},
    },
}


@dataclass(frozen=True)
class SampleStudy:
    """What is written into a folder; None leaves a file out."""

    records: list[StudyRecord]
    plan: dict | None = field(default_factory=lambda: PLAN)
    grid: dict | None = field(default_factory=sample_grid)
    cost: dict | None = field(default_factory=lambda: COST)

    def write(self, folder: Path) -> Path:
        """Write the study; returns its folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for record in self.records:
            write_study_record(record, folder)
        for name in ("plan", "grid", "cost"):
            if getattr(self, name) is not None:
                (folder / f"{name}.json").write_text(json.dumps(getattr(self, name)))
        return folder


def whole_study() -> list[StudyRecord]:
    """Every run of the plan, but for one that failed."""
    records = [
        sample_record(set_up, variant, seed)
        for set_up, cells in SET_UPS.items()
        for variant in cells
        for seed in range(SEEDS[set_up])
    ]
    failed = sample_record("exercise", "elu", 9, failure="diverged in epoch 3")
    return [failed if record.name == failed.name else record for record in records]
