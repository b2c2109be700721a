import pytest

from lightning_cifar.cli.argument_errors import (
    check_flags,
    check_keys,
    check_variant,
    chosen_classes,
    plain_message,
    words,
)
from lightning_cifar.errors import InputError

NAMES = ("Wide", "Narrow")
PLAIN = {"run", "config"}


@pytest.fixture
def accepted():
    return {
        "data": {"batch_size", "source"},
        "model": {"depth", "dropout_rate"},
        "trainer": {"max_epochs", "logger"},
    }


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"data": {"batch_size": 3}, "run": "anything"},
        {"data": None},
        {"model": {"class_path": "Wide", "init_args": {"depth": 3}}},
        {"model": {"class_path": "Wide"}},
        {"model": {"class_path": "Wide", "init_args": None}},
    ],
)
def test_known_settings_pass(accepted, config):
    check_keys(config, accepted, PLAIN)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dta": {}}, "unknown setting 'dta'; did you mean 'data'?"),
        ({"rnu": 1}, "unknown setting 'rnu'; did you mean 'run'?"),
        ({"zzz": 1}, "unknown setting 'zzz'; known are config, data, model, run, trainer"),
        (
            {"data": {"batchsize": 1}},
            "unknown setting 'data.batchsize'; did you mean 'batch_size'?",
        ),
        (
            {"model": {"init_args": {"dept": 1}}},
            "unknown setting 'model.dept'; did you mean 'depth'?",
        ),
        (
            {"model": {"clas_path": "Wide"}},
            "unknown setting 'model.clas_path'; did you mean 'class_path'?",
        ),
        ({"data": 3}, "data holds 3, not settings like 'key: value'"),
        (
            {"model": {"init_args": [1]}},
            "model.init_args holds [1], not settings of the form 'key: value'",
        ),
    ],
)
def test_unknown_settings_are_named_with_the_nearest(accepted, config, message):
    with pytest.raises(InputError) as raised:
        check_keys(config, accepted, PLAIN)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "flag",
    [
        "--data.batch_size",
        "--data.batch_size=3",
        "--model.depth",
        "--model.init_args.depth=3",
        "--model.class_path=Wide",
        "--model=Wide",
        "--run=here",
        "--help",
        "--print_config",
        "--trainer.logger+",
        "--trainer.logger.init_args.save_dir=here",
        "value",
        "-3",
    ],
)
def test_known_flags_pass(accepted, flag):
    check_flags([flag], accepted, PLAIN)


@pytest.mark.parametrize(
    ("flag", "hint"),
    [
        ("--data.batchsize=3", "did you mean '--data.batch_size'?"),
        ("--batch_size", "did you mean '--data.batch_size'?"),
        ("--dropout_rate=0.1", "did you mean '--model.dropout_rate'?"),
        ("--model.init_args.dept=3", "did you mean '--model.depth'?"),
        ("--data.source.deep=3", "did you mean '--data.source'?"),
        ("--xyz", "'lightning-cifar COMMAND --help' lists them"),
    ],
)
def test_unknown_flags_are_named_with_the_nearest(accepted, flag, hint):
    with pytest.raises(InputError) as raised:
        check_flags(["--run=here", flag], accepted, PLAIN)
    assert str(raised.value) == f"unknown option {flag.partition('=')[0]!r}; {hint}"


@pytest.mark.parametrize("path", ["", "Wide", "lightning_cifar.classifiers.Wide", "elsewhere.Deep"])
def test_known_variants_and_classes_from_elsewhere_pass(path):
    check_variant({"model": {"class_path": path}}, NAMES)


@pytest.mark.parametrize("path", ["Wied", "lightning_cifar.classifiers.Wied"])
def test_unknown_variants_are_refused_with_the_nearest(path):
    with pytest.raises(InputError, match=r"Wied'; did you mean 'Wide'\?"):
        check_variant({"model": {"class_path": path}}, NAMES)


def test_variants_unlike_any_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match="unknown variant 'elu'; choose one of Wide, Narrow"):
        check_variant({"model": {"class_path": "elu"}}, NAMES)


@pytest.mark.parametrize(
    "flags",
    [["--model=A"], ["--model", "A"], ["--model.class_path=A"], ["--model.class_path", "A"]],
)
def test_chosen_classes_are_found_in_both_forms(flags):
    assert list(chosen_classes(["--run=here", *flags, "--model.depth", "3"])) == ["A"]


@pytest.mark.parametrize("config", [{}, {"model": None}, {"model": "elu"}])
def test_no_class_is_left_to_the_parser(config):
    check_variant(config, NAMES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "the following arguments are required: fit.model",
            "no variant chosen: add --config selu (or elu, batch_norm, "
            "alpha_dropout), or --run FOLDER of an earlier fit",
        ),
        (
            "Option 'dropout_rate' is not accepted before parsing",
            "the chosen variant has no setting 'dropout_rate'; leave it out",
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
    assert "\n" not in plain_message(text)


def test_types_are_given_in_words():
    assert words("<class 'float'>") == "a finite number"
    assert words("typing.Literal['a', 'b']") == "one of 'a', 'b'"
    assert words("something else") == "something else"
