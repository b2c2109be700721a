"""The parts of Lightning's command: options, folders, callbacks and ends, without a fit."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import LearningRateMonitor, Timer
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities import rank_zero_only
from parsed_commands import parsed

from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.cli import command
from lightning_cifar.cli.command import (
    FOLDER_VARIABLE,
    UNUSED_ARGUMENTS,
    CIFARCommand,
    as_list,
    run_command,
)
from lightning_cifar.cli.launchers import OURS
from lightning_cifar.cli.options import TRAINER_DEFAULTS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.training.best_weights import BestWeights


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """An empty folder; variables that a test sets are unset again."""
    monkeypatch.chdir(tmp_path)
    for name in (FOLDER_VARIABLE, OURS):
        monkeypatch.setenv(name, "")


def test_lightning_is_told_what_is_ours(monkeypatch):
    seen = []
    monkeypatch.setattr(LightningCLI, "__init__", lambda self, *a, **k: seen.append((a, k)))
    one = CIFARCommand(["test", "--run=x"])
    assert one.given == "test"
    assert one.subcommands() == {"test": UNUSED_ARGUMENTS}
    ((classes, options),) = seen
    assert classes == (DenseClassifier, CIFAR10DataModule)
    assert options == {
        "save_config_callback": None,
        "trainer_defaults": TRAINER_DEFAULTS,
        "seed_everything_default": 0,
        "subclass_mode_model": True,
        "auto_configure_optimizers": False,
        "load_from_checkpoint_support": False,
        "parser_kwargs": {"exit_on_error": False, "prog": "lightning-cifar"},
        "args": ["test", "--run=x"],
    }


class Parser:
    """Notes what is added to it."""

    def __init__(self):
        self.arguments, self.classes, self.links = {}, {}, []

    def add_argument(self, name, **options):
        self.arguments[name] = options

    def add_lightning_class_args(self, kind, section):
        self.classes[section] = kind

    def link_arguments(self, source, target, **options):
        self.links.append((source, target, options))


def test_the_options_beside_lightnings():
    parser = Parser()
    parsed().add_arguments_to_parser(parser)
    assert parser.arguments == {
        "--run": {"type": str | None, "help": "run folder, to write or to read"},
        "--resume": {"action": "store_true", "help": "continue the fit in --run"},
        "--mc_samples": {
            "type": int | None,
            "help": "compare with this many Monte Carlo samples",
        },
    }
    assert parser.classes == {
        "learning_rate_search": LearningRateSearch,
        "early_stopping": BestWeights,
    }
    assert parser.links == [
        ("seed_everything", "model.init_args.seed", {"compute_fn": int}),
        ("seed_everything", "data.seed", {"compute_fn": int}),
        ("data.class_count", "model.init_args.classes", {"apply_on": "instantiate"}),
        ("data.image_size", "model.init_args.image_size", {"apply_on": "instantiate"}),
    ]


def test_exactly_the_given_arguments_are_parsed():
    one = parsed()
    one.parse_arguments(SimpleNamespace(parse_args=lambda arguments: [arguments]), ["fit"])
    assert one.config == [["fit"]]


@pytest.mark.parametrize(
    ("value", "listed"),
    [(None, []), (3, [3]), ([3, 4], [3, 4]), ((3,), [3]), ("ab", ["ab"]), (False, [False])],
)
def test_one_several_or_none_are_a_list(value, listed):
    assert as_list(value) == listed


def test_a_folder_is_made_found_or_taken_over(monkeypatch):
    assert parsed("test")._run_folder() == Path("runs")
    with pytest.raises(InputError, match="there is no run folder x"):
        parsed("test", run="x")._run_folder()
    with pytest.raises(InputError, match="there is no run folder x"):
        parsed("fit", run="x", resume=True)._run_folder()
    assert parsed("fit", run="x")._run_folder() == Path("x")
    assert os.environ[FOLDER_VARIABLE] == "x"
    assert Path("x/config.yaml").read_text() == "data:\n  batch_size: 3\n"
    for given, resume in (("test", False), ("fit", True)):
        assert parsed(given, run="x", resume=resume)._run_folder() == Path("x")
    assert parsed()._run_folder() == Path("runs/elu-000")
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    monkeypatch.setenv(FOLDER_VARIABLE, "of the first")
    assert parsed("fit", run="y")._run_folder() == Path("of the first")
    assert not Path("y").exists()


def test_trying_the_code_has_a_folder_elsewhere():
    folder = parsed("fit", run="x", trainer={"fast_dev_run": 3})._run_folder()
    assert folder.name.startswith("lightning-cifar-")
    assert (folder / "config.yaml").is_file()
    assert os.environ[FOLDER_VARIABLE] == str(folder)
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("given", "resume", "rank", "kept"),
    [
        ("fit", False, 0, False),
        ("fit", True, 0, True),
        ("test", False, 0, True),
        ("fit", False, 1, True),
    ],
)
def test_a_folder_of_no_use_is_removed_by_the_fit_that_made_it(
    given, resume, rank, kept, monkeypatch
):
    monkeypatch.setattr(rank_zero_only, "rank", rank)
    one = parsed(given, resume=resume)
    one.folder = Path("made")
    one.folder.mkdir()
    one._discard_if_unused()
    assert one.folder.exists() is kept


def test_a_fit_has_our_callbacks_in_their_order():
    given = [type(each).__name__ for each in parsed()._fit_callbacks()]
    ours = ["FiniteGuard", "EpochProgress", "str", "WriteRunRecord", "ResumePoint"]
    assert given == ["str", *ours]
    search, *_, stopping, record, _ = parsed()._fit_callbacks()
    assert (search, stopping) == ("search", "stopping")
    assert record.config == {"data": {"batch_size": 3}}


class Made:
    """Stands in for the trainer: what it was made with."""

    precision = "32-true"
    callbacks = ()
    strategy = SingleDeviceStrategy()

    def __init__(self, **options):
        self.options = options


@pytest.fixture
def trainers(monkeypatch):
    monkeypatch.setattr(command, "NotingTrainer", Made)
    spoken = []
    monkeypatch.setattr(command, "let_speak", lambda **asked: spoken.append(asked))
    return spoken


@pytest.mark.parametrize(("given", "count"), [("fit", 6), ("validate", 0), ("test", 1)])
def test_a_trainer_has_the_folder_the_callbacks_and_our_files(given, count, trainers):
    Path("x").mkdir()
    Path("x/config.yaml").touch()
    timer = Timer("00:00:00:01")
    one = parsed(
        given, run="x", resume=given == "fit", trainer={"callbacks": timer, "plugins": "p"}
    )
    options = one.instantiate_trainer(more=3).options
    assert options["callbacks"][0] is timer
    assert len(options["callbacks"]) == 1 + count
    plugin, ours = options["plugins"]
    assert (plugin, type(ours).__name__) == ("p", "SealedCheckpoints")
    assert (options["default_root_dir"], options["more"], options["logger"]) == ("x", 3, False)
    assert trainers == [{"profiler": False, "summary": False}]
    if given == "test":
        assert options["callbacks"][1].folder == Path("x")


def test_a_test_without_a_run_keeps_no_matrix(trainers):
    speaking = {"profiler": "simple", "enable_model_summary": True}
    options = parsed("test", trainer=speaking).instantiate_trainer().options
    assert [each.folder for each in options["callbacks"]] == [None]
    assert options["default_root_dir"] == "runs"
    assert trainers == [{"profiler": True, "summary": True}]


@pytest.mark.parametrize("kind", [ValueError, TypeError, ImportError, MisconfigurationException])
def test_what_a_trainer_refuses_is_said_and_leaves_no_folder(kind, monkeypatch):
    def refuse(**_):
        raise kind("`precision` is\nodd")

    monkeypatch.setattr(command, "NotingTrainer", refuse)
    with pytest.raises(InputError) as refusal:
        parsed(run="x", trainer={"precision": 3}).instantiate_trainer()
    assert str(refusal.value) == "trainer.precision cannot be used: `precision` is odd"
    assert not Path("x").exists()


def test_a_callback_that_is_refused_leaves_no_folder(trainers):
    one = parsed(run="x", trainer={"callbacks": LearningRateMonitor()})
    with pytest.raises(InputError, match="the callback LearningRateMonitor writes to a logger"):
        one.instantiate_trainer()
    assert not Path("x").exists()
    logged = parsed(run="y", trainer={"callbacks": LearningRateMonitor(), "logger": True})
    assert logged.instantiate_trainer().options["default_root_dir"] == "y"


@pytest.mark.parametrize("text", ["no matter", "Does not validate against it"])
def test_a_wrong_value_is_said_in_a_line_and_other_errors_are_let_through(text, monkeypatch):
    def fail(self, arguments):
        assert arguments == ["fit"]
        raise ValueError(text)

    monkeypatch.setattr(CIFARCommand, "__init__", fail)
    kind = InputError if "validate" in text else ValueError
    with pytest.raises(kind, match=f"^{text}$"):
        run_command(["fit"])
    assert os.environ[OURS] == str(os.getpid())
