"""Studies of a few records made up, for tests that count by hand."""

from dataclasses import replace

from record_samples import run_record, study_record

from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.study_files import Cell, Study

ELU, SELU = Cell("a", "elu"), Cell("a", "selu")
PLAN = {
    "set_ups": {"a": {"variants": ["elu", "selu"], "seeds": 3}},
    "comparisons": [
        {"question": "q", "first": "a/elu", "second": "a/selu", "measure": "test_accuracy"},
        {
            "first": "a/elu",
            "second": "a/selu",
            "measure": "epochs_to_loss",
            "loss": 1.8,
            "margin": 2,
            "tested": False,
        },
    ],
}


def record(variant="elu", seed=0, losses=(2.0, 1.5), set_up="a", accuracy=0.5, **changes):
    run = run_record(variant, seed, losses)
    run = replace(run, **changes.pop("run", {}))
    test = {"accuracy": accuracy}
    return study_record(variant=variant, seed=seed, set_up=set_up, run=run, test=test, **changes)


def study(*records, plan=PLAN, grid=(), cost=None, coverage=None):
    return Study(plan, records, (), dict(grid), cost, coverage)


def made_condition(rate=None, **data):
    """Four networks of one variant under small settings."""
    return Condition(
        "a",
        "elu",
        4,
        {
            "model": {"init_args": {"learning_rate": rate, "seed": 0}},
            "learning_rate_search": {"candidates": 3, "epochs": 2},
            "trainer": {"max_epochs": 7, "accelerator": "cpu"},
            "early_stopping": {"patience": 4},
            "data": {"seed": 0, **data},
        },
    )
