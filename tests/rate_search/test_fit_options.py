"""What the options of a fit come to in a search."""

import pytest

from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.fit_options import FitOptions, limited

PLAIN = {
    "precision": "32-true",
    "accumulate_grad_batches": 1,
    "gradient_clip_val": None,
    "gradient_clip_algorithm": None,
    "train_batches": 10,
    "val_batches": 4,
    "processes": 1,
}
SAME = [
    {},
    {"gradient_clip_val": 0.0},
    {"gradient_clip_val": 0.0, "gradient_clip_algorithm": "value"},
    {"limit_train_batches": 10, "limit_val_batches": 1.0},
    {"limit_train_batches": 99},
]
OTHER = [
    ({"gradient_clip_val": 2}, {"gradient_clip_val": 2.0, "gradient_clip_algorithm": "norm"}),
    (
        {"gradient_clip_val": 0.5, "gradient_clip_algorithm": "value"},
        {"gradient_clip_val": 0.5, "gradient_clip_algorithm": "value"},
    ),
    ({"limit_train_batches": 3, "limit_val_batches": 0.5}, {"train_batches": 3, "val_batches": 2}),
    ({"precision": "bf16-mixed", "processes": 2}, {"precision": "bf16-mixed", "processes": 2}),
    ({"accumulate_grad_batches": 4}, {"accumulate_grad_batches": 4}),
]


@pytest.mark.parametrize("options", SAME, ids=str)
def test_options_that_change_nothing_come_to_the_same(options):
    assert FitOptions(**options).settings(10, 4) == PLAIN


@pytest.mark.parametrize(("options", "changes"), OTHER, ids=str)
def test_every_other_option_is_seen(options, changes):
    assert FitOptions(**options).settings(10, 4) == PLAIN | changes


@pytest.mark.parametrize("limits", [(0, 1.0), (1.0, 0), (0.05, 1.0)])
def test_no_batch_is_refused(limits):
    train, val = limits
    options = FitOptions(limit_train_batches=train, limit_val_batches=val)
    with pytest.raises(InputError) as refusal:
        options.settings(10, 4)
    assert str(refusal.value) == (
        f"limit_train_batches {train} of 10 and limit_val_batches {val} of 4 leave no batch to "
        "search a learning rate with; raise the limit or give a learning_rate"
    )


@pytest.mark.parametrize(
    ("limit", "count"), [(1.0, 9), (0.5, 4), (0.0, 0), (1, 1), (9, 9), (12, 9), (0, 0)]
)
def test_a_limit_is_a_number_or_a_share(limit, count):
    assert limited(9, limit) == count


def test_a_trainer_gets_every_option_but_the_processes():
    options = FitOptions(limit_val_batches=2, processes=3, overfit_batches=5).for_trainer()
    assert "processes" not in options
    assert (options["limit_val_batches"], options["overfit_batches"]) == (6, 5)
    assert FitOptions(processes=3).for_trainer()["limit_val_batches"] == 1.0
