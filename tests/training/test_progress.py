import io
import re
import sys

import pytest
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.training.progress import EpochProgress

LINE = re.compile(
    r"epoch (\d+)/3  val_loss \d+\.\d{4}  val_accuracy \d+\.\d\d%  [\d.]+ s/epoch  "
    r"at most (\d+) s left"
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def fit(folder, *callbacks):
    trainer = small_trainer(folder, [*callbacks, EpochProgress()], max_epochs=3)
    trainer.fit(small_classifier(), small_data())


def test_one_plain_line_an_epoch_where_there_is_no_terminal(tmp_path, capsys):
    fit(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), lines
    assert [match[1] for match in found] == ["1", "2", "3"]
    assert found[-1][2] == "0"


def test_line_holds_the_figures_of_its_epoch(tmp_path, capsys):
    class Figures(Callback):
        def __init__(self):
            self.losses = []

        def on_train_epoch_end(self, trainer, pl_module):
            self.losses.append(f"{float(trainer.callback_metrics['val_loss']):.4f}")

    figures = Figures()
    fit(tmp_path, figures)
    printed = re.findall(r"val_loss ([\d.]+)", capsys.readouterr().out)
    assert printed == figures.losses


def test_bar_over_the_epochs_on_a_terminal(tmp_path, capsys, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    fit(tmp_path)
    assert "3/3" in terminal.getvalue()
    assert re.search(r"val_loss \d\.\d{4}  val_accuracy \d+\.\d\d%", terminal.getvalue())
    assert capsys.readouterr().out == ""


def test_bar_is_closed_when_training_fails(tmp_path, monkeypatch):
    class Failure(Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            raise ArithmeticError("enough")

    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = EpochProgress()
    trainer = small_trainer(tmp_path, [progress, Failure()])
    with pytest.raises(ArithmeticError):
        trainer.fit(small_classifier(), small_data())
    assert progress.bar is None
