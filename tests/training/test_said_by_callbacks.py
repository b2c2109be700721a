"""What the callbacks of a fit say and refuse, to the last character."""

import logging
import subprocess
import sys
import warnings
from datetime import timedelta
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch import callbacks as lightning_callbacks
from lightning.pytorch.callbacks import EarlyStopping, Timer
from lightning.pytorch.utilities import rank_zero_only

from lightning_cifar.errors import InputError
from lightning_cifar.training import progress, quiet
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.foreign_callbacks import REFUSED, check_callbacks, check_precision
from lightning_cifar.training.processes import (
    LostProcess,
    ended_process,
    first_process,
    noticing_lost_processes,
    rank_zero_print,
)
from lightning_cifar.training.progress import EpochProgress, epochs_of
from lightning_cifar.training.trainer import Ending, NotingTrainer, ending, stopped_by


def stopper(message):
    one = EarlyStopping("val_loss")
    one.stopping_reason_message = message
    return one


STOPPERS = {
    "timer": (
        Timer(timedelta(minutes=2)),
        Ending("time", "the time was up (120 s, trainer.max_time or a Timer)"),
    ),
    "early stopping": (
        stopper("it rose\n twice"),
        Ending("callback", "EarlyStopping stopped it: it rose twice"),
    ),
    "silent early stopping": (
        stopper(None),
        Ending("callback", "EarlyStopping stopped it: val_loss was judged"),
    ),
    "callback": (Callback(), Ending("callback", "Callback stopped it (trainer.should_stop)")),
    "nobody": (None, Ending("callback", "the program stopped it (trainer.should_stop)")),
}


@pytest.mark.parametrize("case", STOPPERS)
def test_who_stopped_a_fit_is_named(case):
    asked, end = STOPPERS[case]
    assert stopped_by(asked) == end


def impatient(waited):
    one = BestWeights(patience=2)
    one.waited = waited
    return one


def ended(**changes):
    """A trainer that has done two of five epochs and eight of 100 steps."""
    plain = {"stopper": None, "callbacks": [], "should_stop": False, "is_last_batch": True}
    numbers = {"global_step": 8, "max_epochs": 5, "current_epoch": 2, "max_steps": 100}
    return SimpleNamespace(**plain | numbers | changes)


PATIENCE = Ending("patience", "val_loss had not fallen for 2 validations")
PROGRAM = STOPPERS["nobody"][1]
NOTHING = Ending("nothing", "nothing was trained: there was no batch to train on")
TIME = STOPPERS["timer"][1]
ENDS = {
    "stopped by nobody": ({}, PROGRAM),
    "no step": ({"global_step": 0}, NOTHING),
    "no step, by a timer": ({"global_step": 0, "stopper": STOPPERS["timer"][0]}, TIME),
    "a step, by a timer": ({"global_step": 1, "stopper": STOPPERS["timer"][0]}, TIME),
    "patience": ({"should_stop": True, "stopper": impatient(2)}, PATIENCE),
    "patience, seen": ({"should_stop": True, "callbacks": [impatient(2)]}, PATIENCE),
    "patience, longer": ({"should_stop": True, "callbacks": [impatient(3)]}, PATIENCE),
    "patience that is left": ({"should_stop": True, "callbacks": [impatient(1)]}, PROGRAM),
    "all epochs": ({"current_epoch": 5}, Ending("epochs", "all 5 epochs done")),
    "more epochs": ({"current_epoch": 6}, Ending("epochs", "all 5 epochs done")),
    "all epochs but a batch": ({"current_epoch": 5, "is_last_batch": False}, PROGRAM),
    "epochs without end": ({"max_epochs": -1}, PROGRAM),
    "epochs of none": ({"max_epochs": 0}, Ending("epochs", "all 0 epochs done")),
    "all steps": ({"max_steps": 8}, Ending("steps", "all 8 steps done (trainer.max_steps)")),
    "more steps": ({"max_steps": 7}, Ending("steps", "all 7 steps done (trainer.max_steps)")),
    "steps of none": ({"max_steps": 0}, Ending("steps", "all 0 steps done (trainer.max_steps)")),
    "steps without end": ({"max_steps": -1}, PROGRAM),
}


@pytest.mark.parametrize("case", ENDS)
def test_an_end_is_told_from_what_the_trainer_did(case):
    changes, end = ENDS[case]
    assert ending(ended(**changes)) == end


def test_the_first_who_asks_for_a_stop_is_noted():
    class Asks(Callback):
        def ask(self, trainer, value=True):
            trainer.should_stop = value

    trainer = object.__new__(NotingTrainer)
    first, second = Asks(), Asks()
    assert (trainer.should_stop, trainer.stopper) == (False, None)
    first.ask(trainer)
    second.ask(trainer)
    assert (trainer.should_stop, trainer.stopper) == (True, first)
    second.ask(trainer, False)
    assert (trainer.should_stop, trainer.stopper) == (False, None)
    trainer.should_stop = True
    assert (trainer.should_stop, trainer.stopper) == (True, None)


def callback_of(name):
    """An instance of a class of Lightning's, whatever it needs to be made."""
    return object.__new__(getattr(lightning_callbacks, name))


@pytest.mark.parametrize("name", REFUSED)
def test_a_callback_that_spoils_a_run_is_refused_with_the_reason(name):
    with pytest.raises(InputError) as refusal:
        check_callbacks([Callback(), callback_of(name)], logger=True)
    assert str(refusal.value) == f"the callback {name} is refused: {REFUSED[name]}"


@pytest.mark.parametrize("name", ["LearningRateMonitor", "DeviceStatsMonitor", "ThroughputMonitor"])
def test_a_callback_that_logs_needs_a_logger(name):
    check_callbacks([callback_of(name)], logger=True)
    with pytest.raises(InputError) as refusal:
        check_callbacks([callback_of(name)], logger=False)
    assert str(refusal.value) == (
        f"the callback {name} writes to a logger and there is none; add --trainer.logger "
        "CSVLogger --trainer.logger.save_dir FOLDER"
    )


@pytest.mark.parametrize("precision", ["64-true", "16-true", "bf16-true"])
def test_averaged_weights_need_32_bits(precision):
    averaging = callback_of("EMAWeightAveraging")
    check_precision(SimpleNamespace(callbacks=[Callback()], precision=precision))
    for enough in ("32-true", "16-mixed", "bf16-mixed"):
        check_precision(SimpleNamespace(callbacks=[averaging], precision=enough))
    with pytest.raises(InputError) as refusal:
        check_precision(SimpleNamespace(callbacks=[Callback(), averaging], precision=precision))
    assert str(refusal.value) == (
        "the callback EMAWeightAveraging averages in 32 bits, and every validation would round "
        f"the weights of {precision}; use --trainer.precision 32-true or bf16-mixed"
    )


class Process:
    """A process that has ended with a code, or has not ended."""

    def __init__(self, code):
        self.code = code

    def wait(self, seconds):
        assert seconds == 5
        if self.code is None:
            raise subprocess.TimeoutExpired("python", seconds)
        return self.code


def of_processes(*codes, rank=0):
    launcher = SimpleNamespace(procs=[Process(code) for code in codes])
    strategy = SimpleNamespace(launcher=launcher)
    return SimpleNamespace(strategy=strategy, world_size=1 + len(codes), global_rank=rank)


UNKNOWN = "another process of this run has ended or cannot be reached"
CODES = {
    (None, 0, 3): "process 3 of this run ended with exit code 3",
    (-9, 1): "process 1 of this run was killed by signal 9",
    (0, None): UNKNOWN,
    (1,): "process 1 of this run ended with exit code 1",
}


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[gloo] no peer"),
        RuntimeError("connection lost"),
        RuntimeError("Connection lost"),
        RuntimeError("NCCL failed"),
        torch.distributed.DistError("odd"),
    ],
)
def test_a_process_that_is_gone_is_named(codes, error):
    trainer = of_processes(*codes, rank=4)
    assert ended_process(trainer) == CODES[codes]
    with pytest.raises(LostProcess) as lost, noticing_lost_processes(trainer):
        raise error
    assert str(lost.value) == (
        f"{CODES[codes]}, and process 4 cannot go on without it; a 'fit' can be continued with "
        "--run FOLDER --resume"
    )


def test_without_a_launcher_nobody_can_tell():
    assert ended_process(SimpleNamespace(strategy=SimpleNamespace(launcher=None))) == UNKNOWN


def test_the_first_process_alone_prints(monkeypatch, capsys):
    rank_zero_print("once")
    assert first_process() is True
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    rank_zero_print("never")
    assert first_process() is False
    monkeypatch.delattr(rank_zero_only, "rank")
    assert first_process() is True
    assert capsys.readouterr().out == "once\n"


@pytest.fixture
def trainer(monkeypatch):
    """A trainer in its second epoch of four; the clock moves on by ten seconds at each look."""
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    figures = {"val_loss": torch.tensor(1.23456), "val_accuracy": torch.tensor(0.5)}
    return SimpleNamespace(
        is_global_zero=True,
        sanity_checking=False,
        current_epoch=1,
        max_epochs=4,
        global_step=6,
        callback_metrics=figures,
    )


def lines_of(capsys, shown, trainer):
    shown.on_train_epoch_end(trainer, None)
    return capsys.readouterr().out


def test_a_line_has_the_figures_and_the_time_that_is_left(trainer, capsys):
    shown = EpochProgress()
    shown.on_train_start(trainer, None)
    assert lines_of(capsys, shown, trainer) == (
        "epoch 2/4  not validated  10.0 s/epoch  at most 20 s left\n"
    )
    shown.on_validation_end(trainer, None)
    trainer.current_epoch = 2
    assert lines_of(capsys, shown, trainer) == (
        "epoch 3/4  val_loss 1.2346  val_accuracy 50.00%  10.0 s/epoch  at most 10 s left\n"
    )
    trainer.max_epochs = -1
    del trainer.callback_metrics["val_accuracy"]
    assert lines_of(capsys, shown, trainer) == "epoch 3  val_loss 1.2346  15.0 s/epoch\n"
    trainer.global_step = 7
    assert "  not validated  " in lines_of(capsys, shown, trainer)
    trainer.global_step = 6
    trainer.callback_metrics.clear()
    assert "  not validated  " in lines_of(capsys, shown, trainer)
    shown.on_train_start(trainer, None)
    trainer.callback_metrics["val_loss"] = torch.tensor(1.0)
    assert "  not validated  " in lines_of(capsys, shown, trainer)
    trainer.is_global_zero = False
    assert lines_of(capsys, shown, trainer) == ""


def test_a_check_before_training_is_no_validation(trainer, capsys):
    shown = EpochProgress()
    shown.on_train_start(trainer, None)
    trainer.sanity_checking = True
    shown.on_validation_end(trainer, None)
    assert "  not validated  " in lines_of(capsys, shown, trainer)


@pytest.mark.parametrize(("most", "epochs"), [(4, 4), (0, 0), (-1, None), (None, None)])
def test_epochs_may_be_without_end(most, epochs):
    assert epochs_of(SimpleNamespace(max_epochs=most)) == epochs


class Bar:
    """A bar that notes what it is told."""

    def __init__(self, **options):
        self.told = [options]

    def set_postfix_str(self, text):
        self.told.append(text)

    def update(self):
        self.told.append("update")

    def close(self):
        self.told.append("close")


@pytest.mark.parametrize("end", ["teardown", "on_exception"])
def test_a_terminal_has_a_bar_until_the_end(trainer, capsys, monkeypatch, end):
    monkeypatch.setattr(progress, "tqdm", Bar)
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True))
    shown = EpochProgress()
    assert shown.bar is None
    trainer.is_global_zero = False
    shown.on_train_start(trainer, None)
    assert shown.bar is None
    trainer.is_global_zero = True
    shown.on_train_start(trainer, None)
    bar = shown.bar
    assert lines_of(capsys, shown, trainer) == ""
    getattr(shown, end)(trainer, None, None)
    assert bar.told == [
        {"total": 4, "initial": 1, "unit": "epoch"},
        *("not validated", "update", "close"),
    ]
    assert shown.bar is None
    getattr(shown, end)(trainer, None, None)


@pytest.fixture
def loggers(monkeypatch):
    """The loggers of Lightning, whose levels are put back afterwards."""
    names = ["lightning.pytorch", "lightning.fabric", quiet.subprocess_script.__name__]
    names += ["lightning.pytorch.profilers", "lightning.pytorch.callbacks.model_summary"]
    before = {name: logging.getLogger(name).level for name in names}
    yield lambda: [logging.getLogger(name).level for name in names]
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


NOTES = (
    "x LeafSpec(y) is deprecated",
    "say sync_dist=True here",
    "it is smaller than the logging interval",
    "so:\nUnable to serialize instance <x>",
)


def test_notes_to_others_are_not_shown(loggers):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        for note in NOTES:
            warnings.warn(note, stacklevel=1)
        assert len(shown) == 4  # the control
        quiet.quieten()
        for note in NOTES:
            warnings.warn(note, stacklevel=1)
        assert len(shown) == 4
        warnings.warn("another", stacklevel=1)
        assert len(shown) == 5
    assert loggers()[:3] == [logging.WARNING, logging.WARNING, logging.INFO]


@pytest.mark.parametrize(("profiler", "summary"), [(True, False), (False, True)])
def test_what_was_asked_for_is_shown(loggers, profiler, summary):
    quiet.let_speak(profiler=profiler, summary=summary)
    levels = {True: logging.INFO, False: logging.NOTSET}
    assert loggers()[3:] == [levels[profiler], levels[summary]]
