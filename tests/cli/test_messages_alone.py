"""What the parser and the trainer say, in the users' terms: single texts, whole answers."""

import pytest
from torch import nn

from lightning_cifar.cli.arguments import HELP
from lightning_cifar.cli.messages import (
    EXAMPLES,
    expected,
    instead,
    message_of_class,
    plain_message,
    refused_by_trainer,
    words,
)
from lightning_cifar.cli.settings import check_nulls
from lightning_cifar.errors import InputError

CLASS = "lightning_cifar.classifiers.SeluClassifier"
TEXTS = {
    "file": (
        "Parser key \"data\":\n  Unable to load config 'here'",
        f"--data takes settings or a file of them, not 'here'; {HELP}",
    ),
    "setting of a class": (
        "Argument \"trainer.logger\": NestedArg(key='save_dir', val='x')",
        "--trainer.logger.save_dir belongs to a class; name it before with --trainer.logger=CLASS",
    ),
    "unknown setting": (
        f"Parser key \"model\":\n  Problem with given class_path '{CLASS}':\n"
        "      Option 'dept' is not accepted\n",
        "SeluClassifier has no setting 'dept'; did you mean 'depth'?",
    ),
    "refused by a class": (
        'Parser key "trainer.callbacks":\n  - Expected a List\n  - `mode` can be min, got up\n'
        "Given value: {class_path='x.EarlyStopping'}",
        "EarlyStopping: `mode` can be min, got up",
    ),
    "empty": (
        "Parser key \"data.batch_size\":\n  Expected a <class 'int'>. Got value: ",
        "data.batch_size cannot be empty; expected a whole number",
    ),
    "without a type": (
        'Parser key "trainer.max_time":\n  Not of that kind. Got value: 3h',
        f"trainer.max_time cannot be 3h; {HELP}",
    ),
    "key of the model": (
        'Parser key "model.depth":\nParser key "model":\n'
        "  Expected a <class 'int'>. Got value: x",
        "model.depth cannot be x; expected a whole number",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_of_the_parser_becomes_one_answer(case):
    text, answer = TEXTS[case]
    assert plain_message(text) == answer


REASONS = {
    "missing": (
        "the following arguments are required: monitor, mode",
        "Stop needs a value for monitor, mode; add --trainer.callbacks.monitor=VALUE",
    ),
    "unknown": ("Option 'monitr' is not accepted", "Stop has no setting 'monitr'; leave it out"),
    "value": (
        "Parser key \"patience\": Expected a <class 'int'>. Got value: many",
        "Stop: patience cannot be many; expected a whole number",
    ),
    "given": (
        'Parser key "patience": something else. Given value: many',
        f"Stop: patience cannot be many; {HELP}",
    ),
    "no value": (
        'Parser key "patience": something else. Got value: ',
        f"Stop: patience cannot be empty; {HELP}",
    ),
    "no module": ("No module  named 'my'", "cannot import 'my.Stop': No module named 'my'"),
    "no class": (
        "module 'my' has no attribute\n'Stop'",
        "cannot import 'my.Stop': module 'my' has no attribute 'Stop'",
    ),
    "other": ("it is  broken", "Stop cannot be used: it is broken"),
}


@pytest.mark.parametrize("case", REASONS)
def test_a_class_that_cannot_be_made_is_named_with_the_reason(case):
    reason, answer = REASONS[case]
    reason = reason.replace("No module  named", "No module named")
    assert message_of_class("trainer.callbacks", "my.Stop", reason) == answer


def test_a_class_of_no_key_is_the_model():
    answer = message_of_class("", "my.Stop", "arguments are required: depth")
    assert answer == "Stop needs a value for depth; add --model.depth=VALUE"


def test_another_variant_that_has_the_setting_is_named():
    assert instead("dropout_rate", CLASS) == "; AlphaDropoutClassifier has it"
    assert instead("widht", CLASS) == "; did you mean 'width'?"
    assert instead("zzz", "torch.nn.Flatten") == "; it has start_dim, end_dim"
    assert instead("zzz", "no.such.Class") == "; leave it out"


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_setting_that_takes_classes_has_an_example(key):
    text = "Expected a <class 'int'>. Got value: 3"
    assert expected(f"trainer.{key}", text) == f"; expected a {EXAMPLES[key]}"
    assert expected("trainer.other", text) == "; expected a whole number"


def test_types_that_a_user_knows_are_listed_once():
    text = (
        "Expected a <class 'int'>. Got value: x\nExpected an <class 'int'>. Got value: x\n"
        "Expected a <class 'bool'>. Got value: x\nExpected a <class 'odd'>. Got value: x\n"
    )
    whole = words("<class 'int'>")
    assert whole == "a whole number"
    assert expected("x", text).startswith(f"; expected {whole} or ")
    assert expected("x", "nothing") == f"; {HELP}"


def test_a_trainer_names_the_setting_whose_value_it_quotes():
    options = {"strategy": "ddp", "accelerator": "auto", "precision": "16"}
    error = refused_by_trainer(options, ValueError("ddp is\nnot for auto"))
    assert str(error) == "trainer.strategy cannot be used: ddp is not for auto"
    error = refused_by_trainer(options, ValueError("the accelerator"))  # a word, not the key
    assert str(error) == "a setting of the trainer cannot be used: the accelerator"
    error = refused_by_trainer(options, ValueError("`accelerator` is"))
    assert str(error) == "trainer.accelerator cannot be used: `accelerator` is"


def test_nulls_are_refused():
    with pytest.raises(InputError) as refusal:
        check_nulls("data", {"start_dim": None}, nn.Flatten)
    assert str(refusal.value) == "data.start_dim cannot be null; leave it out for the default"
    check_nulls("data", {"start_dim": 0}, nn.Flatten)
    check_nulls("data", {}, nn.Flatten)
