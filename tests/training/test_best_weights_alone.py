"""BestWeights piece by piece: its rule, its state, what it judges, what it says."""

import math
from types import SimpleNamespace

import pytest
import torch

from lightning_cifar.errors import InputError
from lightning_cifar.training import best_weights
from lightning_cifar.training.best_weights import BestWeights, better, copied, is_view_of, same

START = {
    **{"best_score": "nan", "best_epoch": -1, "best_step": -1, "waited": 0, "validations": 0},
    **{"best_model_path": "", "_asked": False, "_best": {}, "_seen": None, "_judged": None},
    "_judged_step": -1,
}


def state_of(best):
    """All that a fit changes; the score as text, by which NaN is NaN."""
    return {name: getattr(best, name) for name in START} | {"best_score": str(best.best_score)}


class Module(torch.nn.Module):
    """One weight."""

    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([weight]))


class Trainer:
    """Keeps what it is given to save, by its path."""

    sanity_checking = fast_dev_run = should_stop = False
    max_epochs, limit_train_batches = 10_000, 1  # of such a fit nobody expects much

    def __init__(self, folder, **figures):
        self.default_root_dir = folder
        self.callback_metrics = {name: torch.tensor(value) for name, value in figures.items()}
        self.current_epoch, self.global_step = 2, 7
        self.files, self.module = {}, Module(1.0)
        self.strategy = SimpleNamespace(
            save_checkpoint=lambda content, path: self.files.update({str(path): content}),
            load_checkpoint=lambda path: self.files[str(path)],
        )

    def save_checkpoint(self, path, weights_only):
        assert weights_only is True
        self.files[str(path)] = {"state_dict": copied(self.module.state_dict())}


@pytest.fixture
def trainer(tmp_path):
    return Trainer(tmp_path, val_loss=2.5)


REFUSED = {
    "patience": (lambda: BestWeights(patience=0), "patience must be at least 1, got 0"),
    "mode": (lambda: BestWeights(mode="up"), "mode is 'up'; choose one of auto, min, max"),
    "figure": (
        lambda: BestWeights("val_f1").direction,
        "early_stopping.monitor is 'val_f1'; whether it should fall or rise is not known; add "
        "--early_stopping.mode min (or max)",
    ),
    "figure like another": (
        lambda: BestWeights("val_los").direction,
        "early_stopping.monitor is 'val_los'; whether it should fall or rise is not known; did "
        "you mean 'val_loss'? Else add --early_stopping.mode min (or max)",
    ),
    "figure, before anything is trained": (
        lambda: BestWeights("f1").setup(None, None, "fit"),
        "early_stopping.monitor is 'f1'; whether it should fall or rise is not known; add "
        "--early_stopping.mode min (or max)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_said_whole(case):
    refused, message = REFUSED[case]
    with pytest.raises(InputError) as refusal:
        refused()
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("monitor", "mode", "direction"),
    [
        ("val_loss", "auto", "min"),
        ("train_accuracy", "auto", "max"),
        ("my_error", "auto", "min"),
        ("top5_accuracy", "auto", "max"),
        ("val_loss", "max", "max"),
        ("f1", "min", "min"),
    ],
)
def test_a_figure_falls_or_rises(monitor, mode, direction):
    assert BestWeights(monitor, mode=mode).direction == direction


def test_the_defaults_are_those_of_the_docs():
    best = BestWeights()
    assert (best.monitor, best.patience, best.mode) == ("val_loss", 10, "auto")
    assert state_of(best) == START
    assert BestWeights(patience=1).patience == 1


@pytest.mark.parametrize(("stage", "forgets"), [("fit", True), ("validate", False)])
def test_a_fit_begins_with_nothing(stage, forgets):
    best = BestWeights("val_loss")
    for name in START:
        setattr(best, name, "kept")
    best.setup(None, None, stage)
    assert state_of(best) == (START if forgets else dict.fromkeys(START, "kept"))


def test_the_state_is_what_a_resumed_run_needs():
    state = {"best_score": 0.5, "best_epoch": 3, "best_step": 9, "waited": 2, "validations": 4}
    best = BestWeights()
    best.load_state_dict(state | {"best": {"a": 1}})
    assert best.state_dict() == state | {"best": {"a": 1}}
    old = {"best_score": 0.5, "best_epoch": 3, "waited": 2}
    best.load_state_dict(old)
    assert best.state_dict() == old | {"best_step": -1, "validations": 1, "best": {}}


def test_the_best_file_is_put_in_place(trainer, tmp_path):
    best = BestWeights()
    best.on_train_start(trainer, None)
    assert (trainer.files, best.best_model_path) == ({}, "")
    best._best = {"a": 1}
    best.on_train_start(trainer, None)
    assert trainer.files == {str(tmp_path / "best.ckpt"): {"a": 1}}
    assert best.best_model_path == str(tmp_path / "best.ckpt")
    assert not trainer.should_stop


@pytest.mark.parametrize("epoch", [-1, 0, 3])
def test_the_file_of_an_earlier_version_is_read_if_it_holds_the_best(trainer, tmp_path, epoch):
    (tmp_path / "best.ckpt").touch()
    trainer.files[str(tmp_path / "best.ckpt")] = {"a": 1}
    best = BestWeights()
    best.best_epoch = epoch
    best.on_train_start(trainer, None)
    assert best._best == ({} if epoch < 0 else {"a": 1})


@pytest.mark.parametrize(("waited", "stops"), [(1, False), (2, True), (3, True)])
def test_a_run_without_patience_stops_at_once(trainer, waited, stops):
    best = BestWeights(patience=2)
    best.waited = waited
    best.on_train_start(trainer, None)
    assert trainer.should_stop is stops


@pytest.mark.parametrize(
    ("batch", "loader", "checking", "noted"),
    [(0, 0, False, True), (1, 0, False, False), (0, 1, False, False), (0, 0, True, False)],
)
def test_the_weights_are_noted_once_in_a_validation(trainer, batch, loader, checking, noted):
    trainer.sanity_checking = checking
    best = BestWeights()
    best.on_validation_batch_end(trainer, trainer.module, None, None, batch, loader)
    assert best._judged_step == (7 if noted else -1)
    assert best._judged == ({"weight": torch.tensor([1.0])} if noted else None)
    if noted:
        with torch.no_grad():
            trainer.module.weight.zero_()
        assert best._judged == {"weight": torch.tensor([1.0])}
        best.on_validation_batch_end(trainer, trainer.module, None, None, batch)
        assert best._judged == {"weight": torch.tensor([0.0])}


@pytest.mark.parametrize("skipped", ["sanity_checking", "fast_dev_run"])
def test_a_validation_is_judged_unless_it_tries_the_code(trainer, tmp_path, skipped):
    best = BestWeights()
    setattr(trainer, skipped, True)
    best.on_validation_end(trainer, trainer.module)
    assert (best.validations, best.best_epoch, trainer.files) == (0, -1, {})
    setattr(trainer, skipped, False)
    best.on_validation_end(trainer, trainer.module)
    assert (best.validations, best.best_epoch, best.best_step) == (1, 2, 7)
    assert (best.best_score, best.waited) == (2.5, 0)
    assert best.best_model_path == str(tmp_path / "best.ckpt")
    assert best._best == {"state_dict": {"weight": torch.tensor([1.0])}}


def test_a_figure_is_judged_once(trainer):
    best = BestWeights(patience=3)
    for _ in range(3):
        best.on_validation_end(trainer, trainer.module)
        best.on_train_epoch_end(trainer, trainer.module)
    assert best.waited == 0
    trainer.callback_metrics["val_loss"] = torch.tensor(2.5)
    best.on_train_epoch_end(trainer, trainer.module)
    assert best.waited == 1


def test_patience_that_training_outlives_is_begun_again(trainer):
    best = BestWeights(patience=2)
    for value, waited, stops in ((2.0, 0, False), (3.0, 1, False), (3.0, 2, True), (1.0, 0, False)):
        trainer.callback_metrics["val_loss"] = torch.tensor(value)
        best.on_validation_end(trainer, trainer.module)
        assert (best.waited, trainer.should_stop, best._asked) == (waited, stops, stops)
    trainer.should_stop = True  # asked by another
    trainer.callback_metrics["val_loss"] = torch.tensor(0.5)
    best.on_validation_end(trainer, trainer.module)
    assert trainer.should_stop is True


@pytest.mark.parametrize("judged", [7, 6])
def test_weights_that_were_validated_are_kept_and_the_others_go_on(trainer, judged):
    best = BestWeights("train_loss")
    trainer.callback_metrics["train_loss"] = torch.tensor(1.0)
    best._judged, best._judged_step = {"weight": torch.tensor([5.0])}, judged
    best.on_train_epoch_end(trainer, trainer.module)
    assert float(best._best["state_dict"]["weight"]) == (5.0 if judged == 7 else 1.0)
    assert trainer.module.weight.item() == 1.0


def test_a_figure_that_is_not_logged_is_refused_with_those_that_are(trainer):
    best = BestWeights("my_loss")
    trainer.callback_metrics["a"] = torch.tensor(0.0)
    best.on_train_epoch_end(trainer, trainer.module)  # nothing was validated yet
    best.on_validation_end(trainer, trainer.module)
    trainer.fast_dev_run = True
    best.on_train_epoch_end(trainer, trainer.module)
    trainer.fast_dev_run = False
    with pytest.raises(InputError) as refusal:
        best.on_train_epoch_end(trainer, trainer.module)
    assert str(refusal.value) == (
        "early_stopping.monitor is 'my_loss', which is not logged; logged are a, val_loss"
    )


@pytest.mark.parametrize("there", [True, False])
def test_the_best_weights_are_in_the_module_at_the_end(trainer, tmp_path, monkeypatch, there):
    said = []
    monkeypatch.setattr(best_weights, "rank_zero_info", said.append)
    best = BestWeights()
    best.on_fit_end(trainer, trainer.module)
    assert (said, trainer.files, best.best_model_path) == ([], {}, "")
    kept = {"state_dict": {"weight": torch.tensor([9.0])}}
    best._best, best.best_score, best.best_epoch = kept, 0.123456, 3
    file = tmp_path / "best.ckpt"
    if there:
        file.touch()
    best.on_fit_end(trainer, trainer.module)
    assert trainer.module.weight.item() == 9.0
    assert trainer.files == ({} if there else {str(file): kept})
    assert best.best_model_path == str(file)
    assert said == ["best val_loss 0.1235 at epoch 3"]


def test_a_result_that_is_handed_out_again_is_known_by_its_memory():
    figure = torch.tensor(1.0)
    assert is_view_of(figure.view(1), figure) is True
    assert is_view_of(figure, torch.tensor(1.0)) is False
    assert is_view_of(figure, None) is False


@pytest.mark.parametrize(
    ("score", "best", "falls", "rises"),
    [
        (1.0, 2.0, True, False),
        (2.0, 1.0, False, True),
        (1.0, 1.0, False, False),
        (1.0, math.nan, True, True),
        (math.inf, math.nan, False, True),
        (-math.inf, math.nan, True, False),
        (math.nan, math.nan, False, False),
        (math.nan, 1.0, False, False),
    ],
)
def test_a_score_is_better_in_the_direction_of_its_figure(score, best, falls, rises):
    assert better(score, best, "min") is falls
    assert better(score, best, "max") is rises


def test_a_copy_does_not_follow_its_weights():
    weight = torch.nn.Parameter(torch.ones(2))
    copy = copied({"weight": weight, "extra": "text"})
    with torch.no_grad():
        weight.zero_()
    assert copy["weight"].tolist() == [1.0, 1.0]
    assert copy["weight"].requires_grad is False
    assert copy["extra"] == "text"


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (1.0, 1.0, True),
        (math.nan, math.nan, True),
        (1.0, 1.0 + 1e-9, False),
        (0.0, 1e-12, False),
        (1.0, math.nan, False),
    ],
)
def test_states_are_the_same_to_the_last_bit(first, second, alike):
    def state(value, extra):
        weights = {"a": torch.tensor(1.0), "b": torch.tensor(value, dtype=torch.float64)}
        return weights | {"extra": extra}

    assert same(state(first, 1), state(second, 2)) is alike


def test_weights_of_no_number_are_not_swapped(trainer):
    """A swap would be a second load of the same weights: here one that is seen."""
    trainer.module = Module(math.nan)
    best, loaded = BestWeights(), []
    best.on_validation_batch_end(trainer, trainer.module, None, None, 0)
    trainer.module.load_state_dict = loaded.append
    best.on_validation_end(trainer, trainer.module)
    assert loaded == []
