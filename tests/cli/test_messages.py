"""Wrong command lines of ``fit``, and the one line that each is answered with."""

import re
import shlex
from importlib.util import find_spec

import pytest
from commands import refused, smoke, working_in
from controls import assert_rejects

from lightning_cifar.cli import hints
from lightning_cifar.cli.arguments import check_option
from lightning_cifar.cli.messages import plain_message, refused_by_trainer, words
from lightning_cifar.cli.trainer_options import REFUSED

# Options as a user might type them → what the answer says.
CLASSES = {
    "--trainer.logger TensorBoardLogger": "save_dir; add --trainer.logger.save_dir=",
    "--trainer.logger WandbLogger": "WandbLogger needs a package that is not installed; run",
    "--trainer.logger=lightning.pytorch.loggers.MLFlowLogger": "run: pip install mlflow",
    "--trainer.logger+=CometLogger": "run: pip install comet-ml",
    "--trainer.logger '[LitLogger]'": "run: pip install litlogger",
    "--trainer.logger NeptuneLogger": "no class 'NeptuneLogger'; it has CSVLogger, CometLogger",
    "--trainer.logger TensorboardLogger": "did you mean 'TensorBoardLogger'?",
    "--trainer.logger wandb": "did you mean 'WandbLogger'?",
    "--trainer.logger csv": "did you mean 'CSVLogger'?",
    "--trainer.logger CSVLoger": "did you mean 'CSVLogger'?",
    "--trainer.logger Logger": "trainer.logger cannot be Logger; expected a logger, such",
    "--trainer.logger maybe": "Lightning has no class 'maybe'",
    "--trainer.logger 3": "trainer.logger cannot be 3; expected a logger, such as CSVLogger",
    "--trainer.logger torch.nn.Linear": "expected a logger, such as CSVLogger",
    "--trainer.logger CSVLogger": "CSVLogger needs a value for save_dir",
    "--trainer.logger CSVLogger --trainer.logger.sav_dir x": "did you mean 'save_dir'?",
    "--trainer.logger.save_dir x": "--trainer.logger.save_dir belongs to a class; name it before",
    "--trainer.logger pytorch_lightning.loggers.CSVLogger": "use lightning.pytorch instead",
    "--trainer.callbacks+=EarlyStoping": "did you mean 'EarlyStopping'?",
    "--trainer.callbacks ModelCheckpont": "did you mean 'ModelCheckpoint'?",
    "--trainer.callbacks+=NoSuch": "it has BackboneFinetuning, BatchSizeFinder, ",
    "--trainer.callbacks+=RichProgressBar": "run: pip install rich",
    "--trainer.callbacks+=BestWeights": "BestWeights is part of every fit already; leave it out",
    "--trainer.callbacks+=my.module.Class": "cannot import 'my.module.Class': no package 'my' is",
    "--trainer.callbacks+=lightning.pytorch.callback.Timer": "has no attribute 'callback'",
    "--trainer.callbacks+=json.JSONDecoder": "cannot be json.JSONDecoder; expected a callback",
    "--trainer.callbacks=/no/such.yaml": "there is no file /no/such.yaml",
    "--trainer.callbacks '[3]'": "trainer.callbacks cannot be 3; expected a callback, such as",
    "--trainer.callbacks.monitor val_loss": "--trainer.callbacks.monitor belongs to a class",
    "--trainer.callbacks+=EarlyStopping": "EarlyStopping needs a value for monitor; add --trainer.",
    "--trainer.callbacks '[{class_path: EarlyStopping, init_args: {monitr: x}}]'": (
        "EarlyStopping has no setting 'monitr'; did you mean 'monitor'?"
    ),
    "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitr val_loss": (
        "EarlyStopping has no setting 'monitr'; did you mean 'monitor'?"
    ),
    "--trainer.callbacks+=EarlyStopping --trainer.callbacks.patience many": (
        "EarlyStopping: patience cannot be many; expected a whole number"
    ),
    "--trainer.callbacks '{class_path: EarlyStopping, init_args: {monitor: x, mode: up}}'": (
        "EarlyStopping: `mode` can be min, max, got up"
    ),
    "--trainer.plugins NoPlugin": "trainer.plugins cannot be NoPlugin; expected a plugin, such as",
    "--trainer.plugins+=my.Plugin": "cannot import 'my.Plugin': No module named 'my'",
}
OPTIONS = {
    "--trainer.gpus 1": "use --trainer.accelerator gpu --trainer.devices N",
    "--trainer.tpu_cores 8": "use --trainer.accelerator tpu --trainer.devices N",
    "--trainer.auto_lr_find true": "the rate is searched for whenever --model.learning_rate",
    "--trainer.auto_scale_batch_size power": "use --data.batch_size",
    "--trainer.resume_from_checkpoint last.ckpt": "use --run FOLDER --resume",
    "--trainer.distributed_backend ddp": "use --trainer.strategy",
    "--trainer.progress_bar_refresh_rate 1": "use --trainer.enable_progress_bar",
    "--trainer.checkpoint_callback true": "the best weights are always kept",
    "--trainer.track_grad_norm 2": "Lightning 2 has no such option",
    "--trainer.max_epoch 5": "did you mean '--trainer.max_epochs'?",
    "--trainer.patience 5": "did you mean '--early_stopping.patience'?",
    "--trainer.lr 1e-3": "use --model.learning_rate",
    "--model.lr 1e-3": "use --model.learning_rate",
    "--lr=1e-3": "use --model.learning_rate",
    "--learning_rate 1e-3": "use --model.learning_rate",
    "--optimizer Adam": "the optimisers are --model.optimiser nadam, which the exercise",
    "--optimizer.lr 1e-3": "use --model.learning_rate",
    "--model.optimizer SGD": "did you mean '--model.optimiser'?",
    "--model.optimiser SGD": "expected one of 'nadam', 'muon'",
    "--model.optimiser muon --model.learning_rate null": "a rate is searched for nadam alone",
    "--epochs 5": "use --trainer.max_epochs",
    "--batch_size 64": "did you mean '--data.batch_size'?",
    "--patience 5": "did you mean '--early_stopping.patience'?",
    "--monitor val_accuracy": "did you mean '--early_stopping.monitor'?",
    "--gpus 1": "use --trainer.accelerator gpu --trainer.devices N",
    "--seed 3": "use --seed_everything",
    "--model.seed 3": "use --seed_everything",
    "--data_dir here": "use --data.source folder --data.path FOLDER",
    "--data.num_workers 4": "so there are no workers",
    "--model.dropout 0.2": "use --model.dropout_rate with --config alpha_dropout",
    "--model.dropout_rate 0.2": "no setting 'dropout_rate'; AlphaDropoutClassifier has it",
    "--model.activation relu": "the variant decides this",
    "--learning_rate_search.epoch 5": "did you mean '--learning_rate_search.epochs'?",
    "--output_dir x": "use --run FOLDER",
    "--verbose": "unknown option '--verbose'; 'lightning-cifar fit --help'",
}
VALUES = {
    "--run": "--run needs a value",
    "--run=": "--run needs the name of a folder",
    "--config=": "there is no configuration ''",
    "--seed_everything true": "seed_everything is true; it must be between 0 and 4294967295",
    "--model.learning_rate -1e-3": "must be a positive number, got -0.001",
    "--model.depth x": "depth cannot be x; expected a whole number",
    "--data here": "--data takes settings or a file of them, not 'here'",
    "--data '{bathc_size: 3}'": "unknown setting 'data.bathc_size'; did you mean 'batch_size'?",
    "--data '{batch_size: x}'": "data.batch_size cannot be x; expected a whole number",
    "--data.loader disk": "data.loader cannot be disk; expected one of 'memory', 'stock'",
    "--trainer.max_epochs 1e2": "trainer.max_epochs cannot be 100.0; expected a whole number",
    "--trainer.max_time 3h": "trainer.max_time cannot be used: ",
    "--trainer.strategy dpp": "trainer.strategy cannot be used: ",
    "--trainer.accelerator cuda0": "trainer.accelerator cannot be used: ",
    "--trainer.accelerator tpu": "cannot be used: ",
    "--trainer.limit_train_batches 1.5": "trainer.limit_train_batches cannot be used: ",
}
WRONG = CLASSES | OPTIONS | VALUES
# What the parser calls things, and no user does.
INTERNAL = re.compile(r"Union|typing\.|NoneType|<class|Namespace|NestedArg|Subtypes|Traceback")


@pytest.fixture(autouse=True)
def cwd(tmp_path, monkeypatch):
    """An empty folder, in an environment whose only package for loggers is TensorBoard."""
    missing = {module for module, _ in hints.NEEDED.values()} - {"tensorboard"}
    monkeypatch.setattr(
        hints, "find_spec", lambda name: None if name in missing else find_spec(name)
    )
    with working_in(tmp_path / "work", monkeypatch):
        yield


def assert_answer(answer, expected):
    assert len(answer.splitlines()) == 1
    assert expected in answer
    assert not INTERNAL.search(answer)


@pytest.mark.parametrize("typed", WRONG)
def test_wrong_command_lines_are_answered_in_the_users_terms(typed, capsys):
    """``refused`` sees to the exit code, the traceback and that no run folder is left."""
    assert_answer(refused(capsys, *smoke("selu"), *shlex.split(typed)), WRONG[typed])


@pytest.mark.parametrize(
    "answer",
    [
        "Does not validate against any of the Union subtypes",
        "the chosen variant has no setting 'monitr'; leave it out",
        "did you mean 'monitor'?\nGiven value type: <class 'str'>",
        "did you mean 'monitor'? Namespace(monitor=None)",
    ],
)
def test_control_answers_in_the_parsers_terms_are_rejected(answer):
    assert_answer(
        "EarlyStopping has no 'monitr'; did you mean 'monitor'?", "did you mean 'monitor'?"
    )
    assert_rejects(lambda: assert_answer(answer, "did you mean 'monitor'?"))


def test_every_option_that_a_hint_names_is_one():
    named = {option for text in hints.ANSWERS.values() for option in re.findall(r"--[\w.]+", text)}
    assert len(named) > 20
    for option in named:
        check_option(option)
        assert option.removeprefix("--trainer.") not in REFUSED


def test_callback_may_be_given_without_a_list(capsys):
    answer = refused(capsys, *smoke("selu"), "--trainer.callbacks=LearningRateMonitor")
    assert_answer(answer, "LearningRateMonitor writes to a logger and there is none")


def test_logger_whose_package_is_missing_is_named_with_it(monkeypatch):
    assert hints.problem_of_class("TensorBoardLogger", "lightning.pytorch.loggers") is None
    monkeypatch.setattr(hints, "find_spec", lambda name: None)
    answer = hints.problem_of_class("TensorBoardLogger", "lightning.pytorch.loggers")
    assert answer.endswith("not installed; run: pip install tensorboard")
    assert hints.problem_of_class("CSVLogger", "lightning.pytorch.loggers") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "the following arguments are required: fit.model",
            "no variant chosen: add --config selu (or elu, batch_norm, "
            "alpha_dropout), or --run FOLDER of an earlier fit",
        ),
        (
            "Parser key \"data.batch_size\":\n  Expected a <class 'int'>. Got value: many",
            "data.batch_size cannot be many; expected a whole number",
        ),
        (
            'Parser key "data.loader":\n  Does not validate against any of the Union subtypes\n'
            "  - Expected a typing.Literal['memory', 'stock']. Got value: disk\n"
            "  - Expected a <class 'NoneType'>. Got value: disk",
            "data.loader cannot be disk; expected one of 'memory', 'stock'",
        ),
        (
            'Parser key "model":\n  Problem with the class\n  - depth must be at least 1, got 0',
            "depth must be at least 1, got 0",
        ),
        ("something\n  else entirely", "something else entirely"),
    ],
)
def test_messages_of_the_parser_become_one_line(text, message):
    assert plain_message(text) == message


def test_types_are_given_in_words():
    assert words("<class 'float'>") == "a finite number"
    assert words("typing.Literal['a', 'b']") == "one of 'a', 'b'"
    assert words("<class 'NoneType'>") == ""


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("`strategy='dpp'` is no strategy; there are auto, cpu", "trainer.strategy"),
        ("invalid value 1.5 for limit_val_batches", "trainer.limit_val_batches"),
        ("No supported gpu backend found!", "trainer.accelerator"),
        ("the devices are gone", "a setting of the trainer"),
    ],
)
def test_refusals_of_the_trainer_name_the_setting(text, key):
    options = {"strategy": "auto", "accelerator": "gpu", "devices": 1, "limit_val_batches": 1.5}
    error = refused_by_trainer(options, ValueError(text))
    assert str(error) == f"{key} cannot be used: {text}"
