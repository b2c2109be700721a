"""Command lines as one configuration and the options over it; whole refusals of names."""

from pathlib import Path

import pytest

from lightning_cifar.cli import hints
from lightning_cifar.cli.arguments import (
    HELP,
    NO_VARIANT,
    check_classes,
    check_keys,
    check_name,
    check_option,
    check_value,
    names_several_runs,
    with_configs_composed,
    yaml_value,
)
from lightning_cifar.errors import InputError


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A run and two overlays; the packages of loggers are not there."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/config.yaml").write_text(
        "trainer: {max_epochs: 9}\nmodel: {class_path: EluClassifier}\ndata: {batch_size: 9}\n"
    )
    Path("a.yaml").write_text("data: {batch_size: 3}\n")
    Path("part.yaml").write_text('{cache: "1e3", validation_size: 010}')
    Path("twice.yaml").write_text("flip: true\nflip: false\n")
    Path("wrong.yaml").write_text("flop: true\n")
    Path("comment.yaml").write_text('data: {path: "#pictures"}\n')
    Path("b.yaml").write_text("data: {batch_size: 5, flip: true}\n")
    monkeypatch.setattr(hints, "find_spec", lambda name: None)


CONFIG = "trainer:\n  max_epochs: 9\nmodel:\n  class_path: {}Classifier\ndata:\n  batch_size: {}\n"
COMPOSED = {
    "test --run run": ["--config", CONFIG.format("Elu", 9), "--run=run"],
    "validate --config a.yaml --run run": ["--config", CONFIG.format("Elu", 3), "--run=run"],
    "test --run run -c b.yaml -c a.yaml": [
        *("--config", CONFIG.format("Elu", 3) + "  flip: true\n", "--run=run"),
    ],
    "fit --run run --resume": ["--config", CONFIG.format("Elu", 9), "--run=run", "--resume"],
    "fit --run run": ["--run=run"],
    "fit --run=new --seed_everything=3": ["--run=new", "--seed_everything=3"],
    "test --run run --model SeluClassifier": [
        *("--config", CONFIG.format("Selu", 9), "--run=run", "--model=SeluClassifier"),
    ],
    "test --run run --model.class_path SeluClassifier": [
        *("--config", CONFIG.format("Selu", 9), "--run=run"),
        "--model.class_path=SeluClassifier",
    ],
    "fit --model SeluClassifier --data.path=": ["--model=SeluClassifier", "--data.path="],
    "fit --trainer.callbacks+=Timer": ["--trainer.callbacks+=Timer"],
    "fit --data part.yaml": ["--data=cache: '1e3'\nvalidation_size: '010'\n"],
    'fit --data {"flip":true}': ['--data={"flip":true}'],
}


@pytest.mark.parametrize("line", COMPOSED)
def test_files_become_one_configuration_before_the_options(line):
    command, *arguments = line.split()
    assert with_configs_composed([command, *arguments]) == [command, *COMPOSED[line]]


SEED = "it must be between 0 and 4294967295, a whole number"
WRONG_LINES = {
    "test --run a --run=b": (
        "test takes one --run, got 2: a, b; test, predict and export take several, as an ensemble"
    ),
    "fit --run=": "--run needs the name of a folder",
    "test --run nowhere": "there is no run folder nowhere; 'fit' prints the folder it writes",
    "fit --config a.yaml": NO_VARIANT,
    "fit --config zelu.yaml": "cannot read the config file zelu.yaml: No such file or directory",
    "fit --model selu": "model.class_path: unknown variant 'selu'; use --config selu",
    "fit --model.class_path selu": "model.class_path: unknown variant 'selu'; use --config selu",
    "fit --seed_everything=true": f"seed_everything is true; {SEED}",
    "fit --seed_everything=": f"seed_everything is null; {SEED}",
    "fit --trainer.callbacks+=EarlyStoping": (
        "trainer.callbacks: Lightning has no class 'EarlyStoping'; did you mean 'EarlyStopping'?"
    ),
    "fit --trainer.logger": "--trainer.logger needs a value",
    "fit --lr": "unknown option '--lr'; use --model.learning_rate",
    "fit --data twice.yaml": (
        "twice.yaml has 'flip' twice (line 2), of which one would be lost; put the two together"
    ),
    "fit --data=wrong.yaml": "unknown setting 'data.flop'; did you mean 'flip'?",
    "fit --data.path #pictures": (
        "--data.path is '#pictures', which is read as a comment; of a file or folder give ./ "
        "before its name"
    ),
    "fit --model SeluClassifier --config comment.yaml": (
        "data.path is '#pictures', which is read as a comment; of a file or folder give ./ before "
        "its name"
    ),
    "fit --data.flop=1": "unknown option '--data.flop'; did you mean '--data.flip'?",
}


@pytest.mark.parametrize("line", WRONG_LINES)
def test_a_wrong_line_is_refused_whole(line):
    with pytest.raises(InputError) as refusal:
        with_configs_composed(line.split())
    assert str(refusal.value) == WRONG_LINES[line]


PACKAGE = "lightning.pytorch.loggers"
REFUSED = {
    "setting of a section": (
        lambda: check_keys({"early_stopping": {"zzz": 1}}),
        "unknown setting 'early_stopping.zzz'; early_stopping has mode, monitor, patience",
    ),
    "option of a section": (
        lambda: check_option("--learning_rate_search.zzz"),
        "unknown option '--learning_rate_search.zzz'; learning_rate_search has cache, candidates, "
        "epochs",
    ),
    "setting of the trainer": (
        lambda: check_keys({"trainer": {"zzz": 1}}),
        f"unknown setting 'trainer.zzz'; {HELP}",
    ),
    "section": (lambda: check_keys({"zzz": 1}), f"unknown setting 'zzz'; {HELP}"),
    "option with one dash": (
        lambda: check_name("run", "-run", dashes="--"),
        "unknown option '-run'; did you mean '--run'?",
    ),
    "setting that is an option alone": (
        lambda: check_keys({"print_config": True}),
        "unknown setting 'print_config'; did you mean 'config'?",
    ),
    "mapping as an option": (
        lambda: check_value("data", {"flop": 1}),
        "unknown setting 'data.flop'; did you mean 'flip'?",
    ),
    "seed of a file": (
        lambda: check_keys({"seed_everything": -1}),
        f"seed_everything is -1; {SEED}",
    ),
    "callback of a file": (
        lambda: check_keys({"trainer": {"callbacks": ["Timer", {"class_path": "Tmer"}]}}),
        "trainer.callbacks: Lightning has no class 'Tmer'; did you mean 'Timer'?",
    ),
    "logger of the callbacks": (
        lambda: check_classes("logger", "no/such.py"),
        "trainer.logger: there is no file no/such.py",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_name_is_refused_whole(case):
    check, message = REFUSED[case]
    with pytest.raises(InputError) as refusal:
        check()
    assert str(refusal.value) == message


def test_what_the_parser_judges_is_let_through():
    for value in (None, True, 3, [3], {}, {"class_path": None}, "a.yaml", []):
        check_classes("callbacks", value)
    check_classes("strategy", "Tmer")
    check_value("data", "text")
    check_value("data.batch_size", "text")
    check_value("model.callbacks", "Tmer")
    check_keys({"data": {}, "model": {}, "run": 3, "seed_everything": 0})


@pytest.mark.parametrize(
    ("text", "value"), [(None, None), ("", None), ("1", 1), ("a: 1", {"a": 1}), ("[1", "[1")]
)
def test_a_value_is_what_yaml_makes_of_it(text, value):
    assert yaml_value(text) == value


@pytest.mark.parametrize(
    ("line", "several"),
    [
        ("--run a", False),
        ("--run a --run=b", True),
        ("--run=a --run=b --run=c", True),
        ("--run a --runs b", False),
        ("a --data.path=--run --run b", False),
    ],
)
def test_several_runs_are_told_apart_from_one(line, several):
    assert names_several_runs(line.split()) is several


PROBLEMS = {
    "FiniteGuard": "FiniteGuard is part of every fit already; leave it out",
    "lightning_cifar.x.Some": "Some is part of every fit already; leave it out",
    "pytorch_lightning.loggers.CSVLogger": (
        "pytorch_lightning.loggers.CSVLogger belongs to another package; use lightning.pytorch "
        "instead"
    ),
    "a/b": "there is no file a/b",
    "b.yaml": "there is no file b.yaml",
    "my.own.Logger": "cannot import 'my.own.Logger': no package 'my' is installed",
    "CSVLogger": None,
    "Logger": None,
    f"{PACKAGE}.CSVLogger": None,
    "csv": "Lightning has no class 'csv'; did you mean 'CSVLogger'?",
    "mlFlow": "Lightning has no class 'mlFlow'; did you mean 'MLFlowLogger'?",
    "WandbLoger": "Lightning has no class 'WandbLoger'; did you mean 'WandbLogger'?",
    "zzz": (
        "Lightning has no class 'zzz'; it has CSVLogger, CometLogger, LitLogger, MLFlowLogger, "
        "TensorBoardLogger, WandbLogger"
    ),
    "WandbLogger": "WandbLogger needs a package that is not installed; run: pip install wandb",
    f"{PACKAGE}.CometLogger": (
        "CometLogger needs a package that is not installed; run: pip install comet-ml"
    ),
}


@pytest.mark.parametrize("path", PROBLEMS)
def test_a_class_of_no_use_is_said_whole(path, monkeypatch):
    assert hints.problem_of_class(path, PACKAGE) == PROBLEMS[path]


def test_a_class_whose_package_is_there_is_left_to_the_parser(monkeypatch):
    asked = []
    monkeypatch.setattr(hints, "find_spec", lambda name: asked.append(name) or "found")
    assert hints.problem_of_class("my.own.Logger", PACKAGE) is None
    assert hints.problem_of_class("CometLogger", PACKAGE) is None
    assert asked == ["my", "comet_ml"]


KNOWN = ("run", "data", "data.flip", "data.batch_size", "model.width", "model.data_width")
HINTS = {
    ("data.flop", "--"): "; did you mean '--data.flip'?",
    ("data.flop", ""): "; did you mean 'flip'?",
    ("rnu", "--"): "; did you mean '--run'?",
    ("data.lr", "--"): "; use --model.learning_rate",
    ("lr.zzz", "--"): "; use --model.learning_rate",
    ("data.widht", "--"): "; did you mean '--model.width'?",
    ("data.widht", ""): "; did you mean 'model.width'?",
    ("data.shuffle", "--"): "; training images are always shuffled",
    ("data.zzz", "--"): "",
    ("zzz.zzz", ""): "",
    ("data.batch", "--"): "; use --data.batch_size",
    ("data.batch_siz", "--"): "; did you mean '--data.batch_size'?",
}


@pytest.mark.parametrize("case", HINTS)
def test_a_hint_is_said_whole(case):
    name, dashes = case
    assert hints.hint(name, KNOWN, dashes) == HINTS[case]
    if dashes:
        assert hints.hint(name, KNOWN) == HINTS[case]


def test_the_last_part_of_a_name_is_compared():
    assert hints.most_like("flip", KNOWN, 0.8) == "data.flip"
    assert hints.most_like("flipp", KNOWN, 0.8) == "data.flip"
    assert hints.most_like("fli_", KNOWN, 0.8) == ""
    assert hints.most_like("fli_", KNOWN, 0.6) == "data.flip"
