"""Everything that is wrong with a study file, in whole sentences; and the plan that is right."""

import re

import pytest

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.errors import InputError
from lightning_cifar.study import plan
from lightning_cifar.study.measures import PLANNABLE
from lightning_cifar.study.plan_file import Planned
from lightning_cifar.study.study_files import Cell

SET_UPS = {
    "plain": plan.SetUp(("synthetic",), ("elu", "selu"), 10),
    "few": plan.SetUp((), ("elu",), 5),
}
LINE = {"question": "e", "first": "few/elu", "second": "plain/selu", "measure": "test_accuracy"}


def refusal(call, *arguments):
    """The whole message of an InputError."""
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": 3}, "here.question must be text, got 3"),
        ({"first": None}, "here.first must be text, got None"),
        ({"second": ["elu"]}, "here.second must be text, got ['elu']"),
        ({"measure": 1.5}, "here.measure must be text, got 1.5"),
        (
            {"measure": "test_acuracy"},
            "unknown measure 'test_acuracy' in here.measure; did you mean 'test_accuracy'?",
        ),
        (
            {"measure": "???"},
            "unknown measure '???' in here.measure; choose from " + ", ".join(PLANNABLE),
        ),
        (
            {"measure": "epochs_to_loss"},
            "here: 'loss' belongs to the measure epochs_to_loss, which needs it",
        ),
        ({"loss": 1.5}, "here: 'loss' belongs to the measure epochs_to_loss, which needs it"),
        (
            {"measure": "epochs_to_loss", "loss": 0},
            "here.loss must be a positive number, got 0",
        ),
        ({"margin": -1}, "here.margin must be a positive number, got -1"),
        ({"tested": "no"}, "here.tested must be true or false, got 'no'"),
        ({"tested": 1}, "here.tested must be true or false, got 1"),
        ({"margins": 1}, "unknown setting 'here.margins'; did you mean 'margin'?"),
        (
            {"first": "plain/eluu"},
            "here.first names 'plain/eluu', which this study does not train; "
            "did you mean 'plain/elu'?",
        ),
        (
            {"second": "quite another"},
            "here.second names '/quite another', which this study does not train; "
            "there are plain/elu, plain/selu, few/elu",
        ),
    ],
)
def test_a_comparison_of_no_use_is_refused(changes, message):
    assert refusal(plan.comparison, LINE | changes, "here", SET_UPS) == message


def test_a_comparison_is_read_whole():
    few, plain = Cell("few", "elu"), Cell("plain", "selu")
    read = plan.comparison(LINE, "here", SET_UPS)
    assert read == Planned("e", few, plain, "test_accuracy", None, None, True)
    named = {"first": "selu", "second": "elu", "set_up": "plain"}
    more = {"measure": "epochs_to_loss", "loss": 2, "margin": 1.5, "tested": False}
    first, second = Cell("plain", "selu"), Cell("plain", "elu")
    assert plan.comparison(LINE | named | more, "here", SET_UPS) == Planned(
        "e", first, second, "epochs_to_loss", 1.5, 2.0, False
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("a/b", {}, "the name of the set-up 'a/b' must not contain /"),
        ("a", 3, "set_ups.a is 3, not settings of the form 'key: value'"),
        ("a", {1: 2}, "set_ups.a is {1: 2}, not settings of the form 'key: value'"),
        ("a", {"seed": 2}, "unknown setting 'set_ups.a.seed'; did you mean 'seeds'?"),
        (
            "a",
            {"zzz": 2},
            "unknown setting 'set_ups.a.zzz'; known are overlays, variants, seeds",
        ),
        ("a", {"overlays": "tiny"}, "set_ups.a.overlays is 'tiny', not a list of names"),
        ("a", {"overlays": ["b", 3]}, "set_ups.a.overlays is ['b', 3], not a list of names"),
        (
            "a",
            {"variants": ["sleu"]},
            "unknown variant 'sleu' in set_ups.a.variants; did you mean 'selu'?",
        ),
        (
            "a",
            {"variants": "elu"},
            "set_ups.a.variants is 'elu', not a list of one or more of " + ", ".join(VARIANTS),
        ),
        (
            "a",
            {"seeds": 0},
            "set_ups.a.seeds must be a whole number of at least 1, got 0",
        ),
        (
            "a",
            {"seeds": True},
            "set_ups.a.seeds must be a whole number of at least 1, got True",
        ),
    ],
)
def test_a_set_up_of_no_use_is_refused(name, value, message):
    assert refusal(plan.set_up, name, value, ("elu",), 4) == message


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, ((), ("elu", "selu"), 4)),
        ({"overlays": ["a", "b"], "seeds": 3}, (("a", "b"), ("elu", "selu"), 3)),
        ({"variants": ["selu", "selu"], "seeds": 9}, ((), ("selu",), 4)),
        ({"overlays": None, "seeds": 1}, ((), ("elu", "selu"), 1)),
    ],
)
def test_a_set_up_is_read_whole(value, read):
    assert plan.set_up("a", value, ("elu", "selu"), 4) == plan.SetUp(*read)


@pytest.fixture
def read(tmp_path):
    """Reads a plan from the text of a file."""

    def from_text(text, *seeds):
        (tmp_path / "s.yaml").write_text(text)
        return plan.read_plan(tmp_path / "s.yaml", *seeds)

    return from_text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("set_ups: {}", "PATH has no set_ups; give one, such as 'exercise: {overlays: []}'"),
        ("seeds: 3", "set_ups is None, not settings of the form 'key: value'"),
        ("set_ups: {a: {}}\ncomparisons: 7", "comparisons is 7, not a list"),
        (
            "set_ups: {a: {}}\ncomparisons: [e]",
            "comparisons[0] is 'e', not settings of the form 'key: value'",
        ),
        (
            "set_ups: {a: {}}\nvariant: [elu]",
            "unknown setting 'variant'; did you mean 'variants'?",
        ),
        (
            "set_ups: {a: {}}\nvariants: [ellu]",
            "unknown variant 'ellu' in variants; did you mean 'elu'?",
        ),
        ("set_ups: {a: {}}\nseeds: x", "seeds must be a whole number of at least 1, got 'x'"),
        (
            "seeds: 6\nset_ups: {a: {}, b: {seeds: 5}}\ncomparisons: [{question: 'Is it?', "
            "first: a/elu, second: b/elu, measure: test_nll}]",
            "the comparison 'Is it?' has 5 seeds; with 1 planned comparisons it needs 6: "
            "add seeds, plan fewer, or say 'tested: false'",
        ),
        (
            "seeds: 6\nset_ups: {a: {}}\ncomparisons: [{question: one, "
            "first: a/elu, second: a/selu, measure: test_nll}, {question: two, "
            "first: a/elu, second: a/selu, measure: test_brier}]",
            "the comparison 'one' has 6 seeds; with 2 planned comparisons it needs 7: "
            "add seeds, plan fewer, or say 'tested: false'",
        ),
    ],
)
def test_a_study_file_of_no_use_is_refused(read, tmp_path, text, message):
    assert refusal(read, text) == message.replace("PATH", str(tmp_path / "s.yaml"))


def test_a_study_file_is_read_whole(read):
    text = "set_ups: {a: , b: {seeds: 2, variants: [selu]}}"
    found = read(text)
    assert found == plan.Plan(
        1,
        {"a": plan.SetUp((), tuple(VARIANTS), 1), "b": plan.SetUp((), ("selu",), 1)},
        (),
    )
    assert (read(text, 3).seeds, read(text, 3).set_ups["b"].seeds) == (3, 2)
    compared = "\ncomparisons: [{question: q, first: a/elu, second: a/selu, measure: test_nll}]"
    (planned,) = read(text.replace("a: ,", "a: {seeds: 6},") + compared, 6).comparisons
    assert (planned.question, planned.measure, planned.tested) == ("q", "test_nll", True)


def test_comparisons_are_numbered_from_0_when_they_are_refused(read):
    fine = "{question: q, first: a/elu, second: a/selu, measure: test_nll}"
    text = f"seeds: 9\nset_ups: {{a: {{}}}}\ncomparisons: [{fine}, {{question: 4}}]"
    assert refusal(read, text) == "comparisons[1].question must be text, got 4"


def test_set_ups_that_are_not_there_are_not_selected():
    whole = plan.Plan(5, SET_UPS, ())
    assert list(plan.selected(whole, ["few"]).set_ups) == ["few"]
    assert plan.selected(whole, []) == whole
    assert refusal(plan.selected, whole, ["plian"]) == (
        "unknown set-up 'plian' in --set_ups; did you mean 'plain'?"
    )
    assert refusal(plan.selected, whole, ["zzz"]) == (
        "unknown set-up 'zzz' in --set_ups; choose from plain, few"
    )


@pytest.mark.parametrize("value", [0, 0.0, -2, True, "1", 1e9, float("nan"), [1]])
def test_only_a_positive_number_is_one(value):
    assert refusal(plan.positive, value, "it") == f"it must be a positive number, got {value!r}"


@pytest.mark.parametrize("value", [1, 0.25, 1e-9, 999999999])
def test_a_positive_number_is_a_float_of_its_value(value):
    found = plan.positive(value, "it")
    assert (found, type(found)) == (value, float)
    assert plan.positive(None, "it") is None


@pytest.mark.parametrize("value", [0, -1, 1.0, False, None, "2"])
def test_only_a_whole_number_from_1_is_one(value):
    message = f"it must be a whole number of at least 1, got {value!r}"
    assert refusal(plan.whole, value, "it") == message
    assert (plan.whole(1, "it"), plan.whole(12, "it")) == (1, 12)


def test_an_empty_list_chooses_nothing():
    assert refusal(plan.chosen, [], ("a", "b"), "thing", "there") == (
        "there is [], not a list of one or more of a, b"
    )
    assert plan.chosen(["b", "a", "b"], ("a", "b"), "thing", "there") == ("b", "a")
    assert re.fullmatch(
        "unknown thing 7 in there; choose from a, b",
        refusal(plan.chosen, ["a", 7], ("a", "b"), "thing", "there"),
    )
