"""What is refused by name before anything heavy is imported, and what passes."""

import pytest
import yaml

from lightning_cifar.cli.arguments import (
    check_keys,
    check_option,
    check_variant,
    options_in,
    with_configs_composed,
)
from lightning_cifar.cli.options import accepted_keys
from lightning_cifar.errors import InputError


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"data": {"batch_size": 3}, "run": "anything"},
        {"model": {"class_path": "EluClassifier", "init_args": {"depth": 3}}},
        {"model": {"class_path": "EluClassifier"}},
        {"trainer": {"callbacks": [{"class_path": "EarlyStopping"}], "logger": False}},
        {"seed_everything": 2**32 - 1},
    ],
)
def test_known_settings_pass(config):
    check_keys(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dta": {}}, "unknown setting 'dta'; did you mean 'data'?"),
        ({"rnu": 1}, "unknown setting 'rnu'; did you mean 'run'?"),
        ({"zzz": 1}, "unknown setting 'zzz'; 'lightning-cifar fit --help' lists the options"),
        ({"data": {"batchsize": 1}}, "unknown setting 'data.batchsize'; did you mean 'batch_size'"),
        (
            {"early_stopping": {"zz": 1}},
            "unknown setting 'early_stopping.zz'; early_stopping has m",
        ),
        ({"model": {"init_args": {"dept": 1}}}, "'model.dept'; did you mean 'depth'?"),
        ({"model": {"init_args": {"seed": 1}}}, "'model.seed'; use --seed_everything"),
        ({"model": {"clas_path": "Elu"}}, "'model.clas_path'; did you mean 'class_path'?"),
        ({"data": 3}, "data holds 3, not settings of the form 'key: value'"),
        ({"data": None}, "data is empty; give settings below it, or remove the line"),
        ({"model": {"init_args": None}}, "model.init_args is empty; give settings"),
        ({"model": {"init_args": [1]}}, "model.init_args holds [1], not settings of the form"),
        ({"trainer": {"gpus": 1}}, "'trainer.gpus'; use --trainer.accelerator gpu"),
        ({"trainer": {"callbacks": ["EarlyStoping"]}}, "did you mean 'EarlyStopping'?"),
        ({"trainer": {"logger": {"class_path": "CSVLoger"}}}, "did you mean 'CSVLogger'?"),
        (
            {"optimizer": {"lr": 1}},
            "unknown setting 'optimizer'; the optimisers are --model.optimiser nadam",
        ),
        ({"seed_everything": True}, "seed_everything is true; it must be between 0 and 4294967295"),
        ({"seed_everything": None}, "seed_everything is null"),
    ],
)
def test_unknown_settings_are_named_with_what_was_meant(config, message):
    with pytest.raises(InputError) as raised:
        check_keys(config)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "option",
    [
        *("--data.batch_size", "--model.depth", "--model.init_args.depth", "--model.class_path"),
        *("--model", "--run", "--help", "--print_config", "--trainer.logger+", "--data"),
        *("--trainer.logger.init_args.save_dir", "--trainer.callbacks.monitor"),
    ],
)
def test_known_options_pass(option):
    check_option(option)


def test_every_setting_is_an_option():
    for section, keys in accepted_keys().items():
        for key in keys:
            check_option(f"--{section}.{key}")


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("--data.batchsize", "did you mean '--data.batch_size'?"),
        ("--batch_size", "did you mean '--data.batch_size'?"),
        ("--dropout_rate", "did you mean '--model.dropout_rate'?"),
        ("--model.init_args.dept", "did you mean '--model.depth'?"),
        ("--data.source.deep", "did you mean '--data.source'?"),
        ("--xyz", "'lightning-cifar fit --help' lists the options"),
        ("-v", "'lightning-cifar fit --help' lists the options"),
        ("-run", "did you mean '--run'?"),
    ],
)
def test_unknown_options_are_named_with_the_nearest(option, hint):
    with pytest.raises(InputError) as raised:
        check_option(option)
    assert str(raised.value) == f"unknown option {option!r}; {hint}"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "SeluClassifier",
        *(f"lightning_cifar{each}.EluClassifier" for each in ("", ".classifiers")),
    ],
)
def test_variants_pass_by_name_and_by_path(path):
    check_variant({"model": {"class_path": path}})


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("SeluClasifier", "did you mean 'SeluClassifier'?"),
        ("lightning_cifar.classifiers.SeluClasifier", "did you mean 'SeluClassifier'?"),
        ("selu", "use --config selu"),
        ("ALPHA_DROPOUT", "use --config alpha_dropout"),
        ("swish", "choose one of EluClassifier, "),
        ("elsewhere.SeluClassifier", "did you mean 'SeluClassifier'?"),
        ("torch.nn.Linear", "choose one of EluClassifier"),
    ],
)
def test_other_classes_are_refused(path, hint):
    with pytest.raises(InputError) as raised:
        check_variant({"model": {"class_path": path}})
    assert f"unknown variant {path!r}; {hint}" in str(raised.value)


@pytest.mark.parametrize("config", [{}, {"model": None}, {"model": "elu"}])
def test_no_class_is_left_to_the_parser(config):
    check_variant(config)


def test_help_on_a_class_has_a_value_or_none():
    arguments = ["--model.help", "--trainer.logger.help", "CSVLogger", "--data.help"]
    expected = [
        ("--model.help", None),
        ("--trainer.logger.help", "CSVLogger"),
        ("--data.help", None),
    ]
    assert list(options_in(arguments)) == expected


def test_options_are_read_in_both_forms():
    arguments = ["--a.b", "1", "--c=2", "--resume", "--d", "-1e-3", "--e=", "-c", "x", "--f=g=h"]
    expected = [("--a.b", "1"), ("--c", "2"), ("--resume", None), ("--d", "-1e-3"), ("--e", "")]
    assert list(options_in(arguments)) == [*expected, ("--config", "x"), ("--f", "g=h")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data.batch_size", "64", "128"], "'128' is not the value of an option"),
        (["elu"], "'elu' is not the value of an option"),
        (["--run"], "--run needs a value"),
        (["--trainer.max_epochs", "--run", "x"], "--trainer.max_epochs needs a value"),
        (["--verbose"], "unknown option '--verbose'"),
        (["--resume=true"], "--resume takes no value; leave out '=true'"),
    ],
)
def test_values_without_options_and_options_without_values_are_refused(arguments, message):
    with pytest.raises(InputError) as raised:
        list(options_in(arguments))
    assert message in str(raised.value)


def test_options_come_after_the_composed_files_with_their_values_attached(tmp_path):
    (tmp_path / "a.yaml").write_text("data: {batch_size: 3}\n")
    arguments = [
        "--data.flip",
        "true",
        "--model",
        "EluClassifier",
        "--config",
        f"{tmp_path}/a.yaml",
    ]
    command, config, text, *options = with_configs_composed(["validate", *arguments])
    assert (command, config) == ("validate", "--config")
    assert yaml.safe_load(text) == {
        "data": {"batch_size": 3},
        "model": {"class_path": "EluClassifier"},
    }
    assert options == ["--data.flip=true", "--model=EluClassifier"]
