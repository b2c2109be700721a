"""Every callback of Lightning's beside ours: it is served, or refused in a line."""

import re

import pytest
from commands import fit, record_of, refused, run, smoke
from lightning.pytorch import callbacks as lightning_callbacks

from benchmarks import option_tables
from lightning_cifar.training import foreign_callbacks

# How each callback of Lightning's is given, and what is said of it.
SERVED = {
    "EarlyStopping": ["--trainer.callbacks.monitor", "val_loss"],
    "EMAWeightAveraging": [],
    "WeightAveraging": [],
    "GradientAccumulationScheduler": ["--trainer.callbacks.scheduling", '{"0": 2}'],
    "LearningRateMonitor": ["--trainer.logger", "true"],
    "ModelCheckpoint": [],
    "ModelSummary": ["--trainer.enable_model_summary", "true"],
    "SpikeDetection": [],
    "Timer": ["--trainer.callbacks.duration", "00:01:00:00"],
    "TQDMProgressBar": ["--trainer.enable_progress_bar", "true"],
}
TURNED_DOWN = {
    "StochasticWeightAveraging": (["--trainer.callbacks.swa_lrs", "0.01"], "EMAWeightAveraging"),
    "LearningRateFinder": ([], "a search of its own"),
    "BatchSizeFinder": ([], "--data.batch_size"),
    "OnExceptionCheckpoint": (["--trainer.callbacks.dirpath", "x"], "without being asked"),
    "ModelPruning": (["--trainer.callbacks.pruning_fn", "l1_unstructured"], "renames the weights"),
    "BackboneFinetuning": ([], "no backbone"),
    "LearningRateMonitor": ([], "add --trainer.logger CSVLogger"),
    "DeviceStatsMonitor": ([], "add --trainer.logger CSVLogger"),
    "TQDMProgressBar": ([], "enable_progress_bar"),
}
# Not a thing that a command line can give: abstract, or made of functions, or of other packages.
NOT_GIVEN = {"Callback", "Checkpoint", "LambdaCallback", "ProgressBar", "ThroughputMonitor"}
NOT_GIVEN |= {"BasePredictionWriter", "BaseFinetuning", "RichModelSummary", "RichProgressBar"}


def test_callbacks_of_lightning_are_served_or_refused():
    assert {*SERVED, *TURNED_DOWN, *NOT_GIVEN} == set(lightning_callbacks.__all__)
    assert {*SERVED, *TURNED_DOWN} <= {*option_tables.SERVED, *foreign_callbacks.REFUSED} | {
        "BackboneFinetuning"  # a BaseFinetuning
    }
    named = {*foreign_callbacks.REFUSED, *foreign_callbacks.NEED_LOGGER}
    assert named <= {*TURNED_DOWN, *NOT_GIVEN}


@pytest.mark.parametrize("name", SERVED)
def test_callback_is_served(cwd, capsys, name):
    out = fit(capsys, f"--trainer.callbacks+={name}", *SERVED[name])
    assert record_of(cwd)["stop_kind"] == "epochs", out
    code, out, error = run(capsys, "validate", "--run", "run", "--trainer.callbacks=null")
    assert code == 0, error
    again = float(re.search(r"val_loss ([\d.]+)", out)[1])
    assert again == pytest.approx(record_of(cwd)["best"]["val_loss"], abs=6e-5)


@pytest.mark.filterwarnings("ignore:(?s).*Unable to serialize instance")
@pytest.mark.parametrize("name", TURNED_DOWN)
def test_callback_is_refused(cwd, capsys, name):
    options, reason = TURNED_DOWN[name]
    error = refused(capsys, *smoke(), f"--trainer.callbacks+={name}", *options)
    assert reason in error


@pytest.mark.parametrize("precision", ["64-true", "16-true", "bf16-true"])
def test_averages_of_32_bits_beside_other_weights_are_refused(cwd, capsys, precision):
    averaging = ["--trainer.callbacks+=EMAWeightAveraging", "--trainer.precision", precision]
    error = refused(capsys, *smoke(), *averaging)
    assert f"every validation would round the weights of {precision}" in error


def test_control_averages_beside_weights_of_32_bits_are_served(cwd, capsys):
    fit(capsys, "--trainer.callbacks+=EMAWeightAveraging", "--trainer.precision", "bf16-mixed")
