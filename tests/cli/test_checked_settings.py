"""The settings of a call: what is refused, whole, and what is kept of them."""

import math
from enum import Enum
from types import SimpleNamespace

import pytest
import yaml
from jsonargparse import Namespace

from lightning_cifar.cli.settings import check_nulls, check_settings, plain_settings
from lightning_cifar.cli.trainer_options import LEAST, NOT_ZERO, REFUSED, check_trainer_options
from lightning_cifar.errors import InputError

CALL = {"mc_samples": None, "ckpt_path": None, "run": None, "resume": False}
TRAINER = {"fast_dev_run": False, "max_epochs": 5, "max_steps": -1}
MODEL = {"optimiser": "nadam", "learning_rate": None, "schedule": "constant", "depth": 3}


def options(
    trainer=(), model=(), path="a.b.EluClassifier", data=(), stopping=(), search=(), **call
):
    """Parsed options of a call that passes, but for what is given."""
    sections = {
        "trainer": Namespace(**TRAINER | dict(trainer)),
        "model": Namespace(class_path=path, init_args=Namespace(**MODEL | dict(model))),
        "data": Namespace(**{"batch_size": 3, "path": None} | dict(data)),
        "learning_rate_search": Namespace(**{"epochs": 3, "cache": None} | dict(search)),
        "early_stopping": Namespace(**{"patience": 3} | dict(stopping)),
    }
    return Namespace(**CALL | sections | call)


ENDLESS = {"max_epochs": -1}
SCHEDULE = {"schedule": "one_cycle"}
STRETCHED = (
    "model.schedule one_cycle is stretched over all steps, so the fit needs an end; give "
    "--trainer.max_epochs or --trainer.max_steps"
)
NULL = "cannot be null; leave it out for the default"
REFUSALS = {
    "fit with samples": (
        ("fit", options(mc_samples=0)),
        "fit does not take --mc_samples; test, validate and predict do",
    ),
    "fit of a checkpoint": (
        ("fit", options(ckpt_path="x.ckpt")),
        "fit does not take --ckpt_path (x.ckpt): it would train from scratch; to continue a run: "
        "fit --run FOLDER --resume",
    ),
    "resuming nothing": (
        ("fit", options(resume=True)),
        "--resume needs a run: add --run FOLDER",
    ),
    "resuming a test": (
        ("test", options(resume=True, run="x")),
        "test does not take --resume, which continues a fit",
    ),
    "resuming what leaves no run": (
        ("fit", options(resume=True, run="x", trainer={"fast_dev_run": 1})),
        "trainer.fast_dev_run leaves no run to resume; leave out one of the two",
    ),
    "trainer's option": (
        ("test", options(trainer={"limit_test_batches": 0})),
        "trainer.limit_test_batches is 0: there would be nothing to test on; give a larger number",
    ),
    "no end": (("fit", options(trainer=ENDLESS, model=SCHEDULE)), STRETCHED),
    "no end of epochs": (
        ("fit", options(trainer={"max_epochs": None}, model=SCHEDULE)),
        STRETCHED,
    ),
    "null of the model": (("fit", options(model={"depth": None})), f"model.init_args.depth {NULL}"),
    "null of the model, in a test": (
        ("test", options(model={"dropout_rate": None}, path="AlphaDropoutClassifier")),
        f"model.init_args.dropout_rate {NULL}",
    ),
    "null of the data": (("fit", options(data={"batch_size": None})), f"data.batch_size {NULL}"),
    "null of the search": (
        ("fit", options(search={"candidates": None})),
        f"learning_rate_search.candidates {NULL}",
    ),
    "null of the patience": (
        ("fit", options(stopping={"patience": None})),
        f"early_stopping.patience {NULL}",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_call_is_refused_whole(case):
    given, message = REFUSALS[case]
    with pytest.raises(InputError) as refusal:
        check_settings(*given)
    assert str(refusal.value) == message


PASSING = {
    "fit": ("fit", options()),
    "resumed fit": ("fit", options(resume=True, run="x")),
    "trying": ("fit", options(trainer={"fast_dev_run": 1})),
    "test with samples": ("test", options(mc_samples=3, ckpt_path="x", run="y")),
    "schedule with epochs": ("fit", options(model=SCHEDULE)),
    "schedule with steps": ("fit", options(trainer=ENDLESS | {"max_steps": 7}, model=SCHEDULE)),
    "schedule with one epoch": ("fit", options(trainer={"max_epochs": 1}, model=SCHEDULE)),
    "no end": ("fit", options(trainer=ENDLESS)),
    "no end of a test": ("test", options(trainer=ENDLESS, model=SCHEDULE)),
    "muon with a rate": ("fit", options(model={"optimiser": "muon", "learning_rate": 0.1})),
    "muon of a test": ("test", options(model={"optimiser": "muon"})),
    "name alone": ("validate", options(path="SeluClassifier")),
}


@pytest.mark.parametrize("case", PASSING)
def test_a_call_passes(case):
    check_settings(*PASSING[case])


def test_an_optimiser_without_a_rate_is_refused():
    with pytest.raises(InputError, match="a rate is searched for nadam alone"):
        check_settings("fit", options(model={"optimiser": "muon"}))


class Kind:
    def __init__(self, depth: int, rate: float | None = None, free=3): ...


def test_a_null_is_refused_where_the_class_allows_none():
    check_nulls("x", {"depth": 0, "rate": None, "other": None}, Kind)
    for name in ("depth", "free"):
        with pytest.raises(InputError) as refusal:
            check_nulls("x", {name: None}, Kind)
        assert str(refusal.value) == f"x.{name} {NULL}"


class Strategy(Enum):
    DDP = "ddp"


def test_settings_are_kept_plain_with_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/of")
    asked = []
    text = yaml.safe_dump(
        {
            "data": {"path": "images", "cache": None, "batch_size": 3},
            "learning_rate_search": {"cache": "~/cache"},
            "trainer": None,
            "seed_everything": 3,
            "run": "x",
            "resume": True,
            "mc_samples": 1,
            "ckpt_path": "y",
            "config": ["z"],
        }
    )
    parser = SimpleNamespace(dump=lambda *given, **how: asked.append((given, how)) or text)
    assert plain_settings(parser, "options") == {
        "data": {"path": str(tmp_path / "images"), "cache": None, "batch_size": 3},
        "learning_rate_search": {"cache": "/home/of/cache"},
        "trainer": None,
        "seed_everything": 3,
    }
    assert asked == [(("options",), {"skip_unset": False, "format": "yaml"})]
    assert plain_settings(SimpleNamespace(dump=lambda *_, **__: "data: null"), None) == {
        "data": None
    }
    assert yaml.safe_dump({"a": Strategy.DDP}) == "a: ddp\n"


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_of_the_trainer_is_refused_with_the_reason(name):
    with pytest.raises(InputError) as refusal:
        check_trainer_options("fit", {name: "odd"})
    assert str(refusal.value) == f"trainer.{name} is refused (got 'odd'): {REFUSED[name]}"
    check_trainer_options("fit", {name: None})


@pytest.mark.parametrize("name", LEAST)
def test_a_number_below_its_bound_is_refused(name):
    for passes in (LEAST[name], 2, None):
        check_trainer_options("fit", {name: passes})
    for value in (LEAST[name] - 1, -1, math.nan):
        with pytest.raises(InputError) as refusal:
            check_trainer_options("fit", {name: value})
        assert str(refusal.value) == f"trainer.{name} is {value}; it must be {LEAST[name]} or more"


@pytest.mark.parametrize(
    ("command", "name"), [(each, name) for each, names in NOT_ZERO.items() for name in names]
)
def test_nothing_to_do_is_refused(command, name):
    for passes in (1, None, 0.5, -1):
        check_trainer_options(command, {name: passes})
    for nothing in (0, 0.0):
        with pytest.raises(InputError) as refusal:
            check_trainer_options(command, {name: nothing})
        reason = NOT_ZERO[command][name]
        assert str(refusal.value) == f"trainer.{name} is 0: {reason}; give a larger number"


def test_defaults_of_refused_options_pass():
    defaults = {"num_nodes": 1, "barebones": False, "use_distributed_sampler": True}
    check_trainer_options("fit", {**defaults, "enable_checkpointing": True})
