"""What single checks of a command line refuse, with their whole messages."""

import os

import pytest

from lightning_cifar.cli import arguments
from lightning_cifar.cli.launchers import OURS, RANKS, SIZES, refuse_outside_launch
from lightning_cifar.errors import InputError

FORM = "not settings of the form 'key: value'"
CASES = {
    "value without an option": (
        lambda: list(arguments.options_in(["--run", "a", "b"])),
        "'b' is not the value of an option; every option takes one value",
    ),
    "option without a value": (
        lambda: list(arguments.options_in(["--run", "--resume"])),
        "--run needs a value",
    ),
    "flag with a value": (
        lambda: list(arguments.options_in(["--resume=yes"])),
        "--resume takes no value; leave out '=yes'",
    ),
    "run without a name": (
        lambda: arguments.with_configs_composed(["fit", "--run="]),
        "--run needs the name of a folder",
    ),
    "section of a list": (
        lambda: arguments.check_keys({"data": [3]}),
        f"data holds [3], {FORM}",
    ),
    "arguments of a list": (
        lambda: arguments.model_settings({"init_args": [3]}),
        f"model.init_args holds [3], {FORM}",
    ),
    "key beside the class": (
        lambda: arguments.model_settings({"init_arg": {}}),
        "unknown setting 'model.init_arg'; did you mean 'init_args'?",
    ),
    "seed of text": (
        lambda: arguments.check_seed("many"),
        "seed_everything is many; it must be between 0 and 4294967295, a whole number",
    ),
    "seed of a name": (
        lambda: arguments.check_seed(2**32, "data.seed"),
        "data.seed is 4294967296; it must be between 0 and 4294967295, a whole number",
    ),
    "variant by its configuration": (
        lambda: arguments.check_variant({"model": {"class_path": "selu"}}),
        "model.class_path: unknown variant 'selu'; use --config selu",
    ),
    "variant of nothing": (
        lambda: arguments.check_variant({"model": {"class_path": "x.Perceptron"}}),
        "model.class_path: unknown variant 'x.Perceptron'; choose one of "
        "EluClassifier, BatchNormClassifier, SeluClassifier, AlphaDropoutClassifier",
    ),
    "variant of another package": (
        lambda: arguments.check_variant({"model": {"class_path": "my.SeluClassifier"}}),
        "model.class_path: unknown variant 'my.SeluClassifier'; did you mean 'SeluClassifier'?",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_is_said_whole(case):
    check, message = CASES[case]
    with pytest.raises(InputError) as refusal:
        check()
    assert str(refusal.value) == message


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_seeds_within_the_range_pass(seed):
    arguments.check_seed(seed)


def test_options_are_read_in_either_form():
    given = ["--run", "a", "-c", "b", "--data.size=3=4", "--resume", "--trainer.logger.help"]
    assert list(arguments.options_in(given)) == [
        ("--run", "a"),
        ("--config", "b"),
        ("--data.size", "3=4"),
        ("--resume", None),
        ("--trainer.logger.help", None),
    ]
    assert list(arguments.options_in(["--x.help", "y"])) == [("--x.help", "y")]


@pytest.mark.parametrize("name", [*RANKS, *SIZES])
def test_a_process_that_another_program_has_started_is_refused(name):
    alone = "0" if name in RANKS else "1"
    for harmless in ({}, {name: ""}, {name: f" {alone} "}, {name: "5", OURS: str(os.getppid())}):
        refuse_outside_launch(harmless)
    for value in ("2", "1" if alone == "0" else "0"):
        with pytest.raises(InputError) as refusal:
            refuse_outside_launch({name: value, OURS: "1"})
        assert str(refusal.value) == (
            f"{name}={value} is set in the environment, as torchrun or srun sets it when it "
            "starts several processes; start one process and let it start the others with "
            "--trainer.devices N --trainer.strategy ddp (if the variable is left over: unset "
            f"{name})"
        )
