"""Texts of the parser and the trainer, each with the answer that is made of it."""

from types import SimpleNamespace

import pytest

from lightning_cifar.cli.arguments import HELP, NO_VARIANT
from lightning_cifar.cli.messages import (
    argument_names,
    expected,
    message_of_class,
    plain_message,
    refused_by_trainer,
    words,
)

CALLBACK = "expected a callback, such as EarlyStopping"
CLASSES = "Argument \"trainer.callbacks\": NestedArg(key='monitor', val=1)\n"
BELONGS = (
    "--trainer.callbacks.monitor belongs to a class; name it before with --trainer.callbacks=CLASS"
)
ANSWERS = {
    "fit.model is needed": ("arguments are required: fit.model", NO_VARIANT),
    "another is needed": (
        "arguments are required: fit.models",
        "arguments are required: fit.models",
    ),
    "an argument of any callback": (
        f"{CLASSES}Problem with given class_path 'lightning.Callback':\n      no\n",
        BELONGS,
    ),
    "an argument of no class": (CLASSES, BELONGS),
    "an argument of a class": (
        f"{CLASSES}Problem with given class_path 'x.Stop':\n      it is\n      - so\n   no\n",
        "Stop cannot be used: it is - so",
    ),
    "two problems of a class": (
        "Parser key \"trainer.logger\":\nProblem with given class_path 'x.Log':\n"
        "      arguments are required: dir\n        - Problem with another\n",
        "Log needs a value for dir; add --trainer.logger.dir=VALUE",
    ),
    "a class without a key": (
        "Problem with given class_path 'x.Net':\n      arguments are required: depth\n",
        "Net needs a value for depth; add --model.depth=VALUE",
    ),
    "a file": (
        "argument trainer: Unable to load config 'x'",
        f"--trainer takes settings or a file of them, not 'x'; {HELP}",
    ),
    "a file that came as a value": (
        "Argument \"data\": Unable to load config 'x'\nGot value: 3",
        f"data cannot be 3; {HELP}",
    ),
    "refused without a class": ('Parser key "x":\n  - it is odd\nGot value: 3', "it is odd"),
    "refused by a class": (
        "Parser key \"x\":\n  - it is odd\nGiven value: Namespace(class_path='Net')",
        "Net: it is odd",
    ),
    "types alone": (
        "Parser key \"data.flip\":\n  - Expected a <class 'bool'>\n  - Not a bool\n  - Does not\n"
        '  - Parser key "x"\nGot value: so',
        "x cannot be so; expected true or false",
    ),
    "of two keys the last": (
        'Parser key "data":\nargument model.init_args.width\nGot value: so',
        f"model.init_args.width cannot be so; {HELP}",
    ),
    "the model": ('Parser key "model":\nGot value: so', f"model cannot be so; {HELP}"),
    "no key": ("Given value: so", f" cannot be so; {HELP}"),
    "nothing came": ('Parser key "data.x":\nGot value: ', f"data.x cannot be empty; {HELP}"),
    "a callback": (
        "Parser key \"trainer.callbacks\":\n  Expected a <class 'int'>. Got value: so",
        f"trainer.callbacks cannot be so; {CALLBACK}",
    ),
    "something else": ("it is\n  odd", "it is odd"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_text_has_its_answer(case):
    text, answer = ANSWERS[case]
    assert plain_message(text) == answer
    assert plain_message(ValueError(text)) == answer
    assert plain_message(SimpleNamespace(message=text)) == answer


KINDS = {
    "Expected a <class 'int'>. Got value: 3": "; expected a whole number",
    "Expected an <class 'list'>\nmore": "; expected a list",
    "Expected a typing.Literal[1, 2]. Got value": "; expected one of 1, 2",
    "Expected a <class 'str'>\nExpected a <class 'dict'>\nExpected a <class 'str'>": (
        "; expected text or settings of the form 'key: value'"
    ),
    "Expected a <class 'odd'>. Got value": f"; {HELP}",
    "": f"; {HELP}",
}


@pytest.mark.parametrize("text", KINDS)
def test_what_would_have_been_taken_is_said_whole(text):
    assert expected("data.x", text) == KINDS[text]
    assert expected("x", text) == KINDS[text]
    assert expected("x.logger.plugin", text) == KINDS[text]
    example = "; expected a plugin, such as MixedPrecision"
    assert expected("plugins", text) == expected("a.plugins", text) == example


def test_a_type_is_given_in_words_or_not_at_all():
    assert words("typing.Literal['a']") == "one of 'a'"
    assert words("xtyping.Literal['a']") == words("typing.Literal['a']x") == words("odd") == ""
    assert words("<class 'float'>") == "a finite number"


OF_CLASS = {
    ("k", "Option 'a.b' is not accepted"): "Stop has no setting 'a.b'; leave it out",
    ("k", "arguments are required: a,b"): "Stop needs a value for a,b; add --k.a=VALUE",
    ("", "arguments are required: a"): "Stop needs a value for a; add --model.a=VALUE",
    ("k", 'Parser key "a.b": Got value: 3'): f"Stop: a.b cannot be 3; {HELP}",
    ("k", 'Parser key "a": Given value: 3'): f"Stop: a cannot be 3; {HELP}",
    ("k", 'Parser key "a": Given value: '): f"Stop: a cannot be empty; {HELP}",
    ("k", 'Parser key "callbacks": Got value: 3'): f"Stop: callbacks cannot be 3; {CALLBACK}",
    ("k", 'Parser key "a": no'): 'Stop cannot be used: Parser key "a": no',
    ("k", "Got value:\n 3"): "Stop cannot be used: Got value: 3",
    ("k", "No module named\n 'x'"): "cannot import 'my.Stop': No module named 'x'",
    ("k", "x has no attribute 'y'"): "cannot import 'my.Stop': x has no attribute 'y'",
}


@pytest.mark.parametrize("case", OF_CLASS)
def test_a_class_that_cannot_be_made_is_said_whole(case):
    key, reason = case
    assert message_of_class(key, "my.Stop", reason) == OF_CLASS[case]


def test_the_names_of_arguments_are_those_of_a_class_alone():
    assert argument_names("torch.nn.Flatten") == ["start_dim", "end_dim"]
    assert argument_names("json.dumps") == argument_names("no.such") == []


REFUSED = {
    "max_time is odd": "trainer.max_time",
    "my_max_time is odd": "a setting of the trainer",
    "devices is odd": "a setting of the trainer",
    "`devices` is odd": "trainer.devices",
    "`devices and max_time": "trainer.devices",
    "no ddp here": "trainer.strategy",
    "no ddpx here": "a setting of the trainer",
    "no a.b here": "trainer.profiler",
    "no axb here": "a setting of the trainer",
    "it is auto": "a setting of the trainer",
    "max_time and ddp": "trainer.max_time",
}


@pytest.mark.parametrize("text", REFUSED)
def test_the_setting_that_the_trainer_means_is_named(text):
    given = {"devices": 1, "strategy": "ddp", "accelerator": "auto", "profiler": "a.b"}
    error = refused_by_trainer(given | {"max_time": None}, ValueError(f"{text}\n  so"))
    assert str(error) == f"{REFUSED[text]} cannot be used: {text} so"
