"""Study records made up for tests: a few epochs, a few images."""

import base64
from dataclasses import replace

import numpy as np

from lightning_cifar.runs.records import EpochRecord, RunRecord
from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.study.records import StudyRecord


def run_record(variant="elu", seed=0, losses=(2.0, 1.5)):
    epochs = tuple(
        EpochRecord(number, loss + 0.1234567, 0.3, loss, 0.4, 1e-3, 1.25)
        for number, loss in enumerate(losses)
    )
    config = {"seed_everything": seed, "data": {"batch_size": 16}}
    return RunRecord(
        variant, seed, 1e-3, "given", 100, "cpu", {"torch": "2"}, "abc", "of noise",
        len(losses) - 1, "all 2 epochs done", epochs, config,
    )  # fmt: skip


def study_record(name="00000000000000aa", seed=0, **changes):
    right = np.arange(20) % 3 == 0
    record = StudyRecord(
        name=name,
        set_up="exercise",
        variant="elu",
        seed=seed,
        run=run_record(seed=seed),
        test={"accuracy": 0.35, "nll": 1.5},
        test_right=base64.b64encode(np.packbits(right).tobytes()).decode(),
        activations=(ActivationRecord(-1, (0.1, 0.2), (1.0, 0.9)),),
        monte_carlo={"samples": 100, "scores": {"deterministic": {"accuracy": 0.35}}},
        failure="",
    )
    return replace(record, **changes)
