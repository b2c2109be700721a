"""Which settings a run may be continued with, judged on settings alone."""

import math

import pytest

from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import cell
from lightning_cifar.runs.resuming import check_unchanged, reason_it_ended, shortens

CONSTANT = {"model.init_args.schedule": "constant"}


@pytest.mark.parametrize(
    ("old", "new", "shorter"),
    [(5, 4, True), (5, 5, False), (5, 6, False), (None, 5, True), (-1, 5, True), (5, None, False)],
)
def test_a_run_may_become_longer(old, new, shorter):
    assert shortens("trainer.max_epochs", old, new, CONSTANT) is shorter
    assert shortens("trainer.max_epochs", old, new, {"model.init_args.schedule": "one_cycle"})
    assert not shortens("early_stopping.patience", old, new, {})


def settings(**changes):
    model = {"class_path": "selu", "init_args": {"depth": 3, "schedule": "constant"}}
    known = {"model": model, "trainer": {"max_epochs": 5, "callbacks": None}, "data": {}}
    return known | changes


def timer(seconds):
    return {"class_path": "lightning.pytorch.callbacks.Timer", "init_args": {"duration": seconds}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"trainer": {"max_epochs": 6, "callbacks": None}},
        {"trainer": {"max_epochs": 5, "callbacks": [timer(3)]}},
        {"trainer": {"max_epochs": 5, "callbacks": None, "max_time": "00:01:00:00"}},
        {"data": {"image_size": 32, "labels": "fine", "skip_unreadable": False, "cache": "x"}},
        {"early_stopping": {"mode": "auto", "patience": 9}},
    ],
)
def test_lengths_limits_and_old_defaults_change_no_run(changes):
    check_unchanged(settings(), settings(**changes))


REFUSED = {
    "depth": ({"model": {"init_args": {"depth": 4}}}, "model.class_path = 'selu'", "None"),
    "epochs": ({"trainer": {"max_epochs": 4}}, "trainer.max_epochs = 5", "4"),
    "callback": (
        {"trainer": {"max_epochs": 5, "callbacks": [{"class_path": "x.Timers"}]}},
        "trainer.callbacks = None",
        "[{'class_path': 'x.Timers'}]",
    ),
    "size": ({"data": {"image_size": 33}}, "data.image_size = None", "33"),
    "labels": ({"data": {"labels": "coarse"}}, "data.labels = None", "'coarse'"),
    "mode": ({"early_stopping": {"mode": "max"}}, "early_stopping.mode = None", "'max'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_run_is_refused_with_both_values(case):
    changes, old, new = REFUSED[case]
    with pytest.raises(InputError) as refusal:
        check_unchanged(settings(), settings(**changes))
    assert str(refusal.value) == (
        f"the run was started with {old} and cannot be continued with {new}; leave the setting "
        "as it was, or start a new run"
    )


def with_option(name, value):
    return settings(trainer={"max_epochs": 5, "callbacks": None, name: value})


@pytest.mark.parametrize(
    "name", ["limit_train_batches", "limit_val_batches", "overfit_batches", "val_check_interval"]
)
def test_one_batch_is_not_all_of_them(name):
    for first, second in ((1, 1.0), (1.0, 1)):
        with pytest.raises(InputError, match=f"trainer.{name} = {first} and cannot .* {second};"):
            check_unchanged(with_option(name, first), with_option(name, second))
    for first, second in ((1, 1), (1.0, 1.0), (0, 0.0)):
        check_unchanged(with_option(name, first), with_option(name, second))
    clips = (with_option("gradient_clip_val", value) for value in (1, 1.0))
    check_unchanged(*clips)  # where both mean the same


def test_a_path_may_be_written_in_several_ways(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    absolute = {"data": {"path": str(tmp_path / "images")}}
    check_unchanged(settings(**absolute), settings(data={"path": "images"}))
    with pytest.raises(InputError, match=r"data\.path = "):
        check_unchanged(settings(**absolute), settings(data={"path": "other"}))


def test_a_run_without_a_record_has_not_ended(tmp_path):
    assert reason_it_ended(tmp_path, settings()) is None


def test_a_number_that_there_is_not_leaves_its_cell_empty():
    assert [cell(each) for each in (math.nan, 0.1, 3, -1.0)] == ["", "0.1", "3", "-1.0"]
