"""What a report asks of any study, and what it sets beside published figures."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from record_samples import study_record

from lightning_cifar.study.plan_file import Planned
from lightning_cifar.study.report import questions, set_ups
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Cell, Cost, RateGrid, Study

ELU, SELU = Cell("a", "elu"), Cell("a", "selu")
LINE = {"question": "Which?", "first": "a/elu", "second": "a/selu", "measure": "test_nll"}
CELLS = {name: {"variants": ["elu", "selu"], "seeds": 2} for name in ("a", "b")}


def study(*records, grid=(), cost=None, comparisons=()):
    plan = {"set_ups": CELLS, "comparisons": list(comparisons)}
    return Study(plan, records, (), dict(grid), cost)


def asked(*given, **files):
    """The title of a report, and the kind, key and title of each question."""
    title, found = questions.questions_of(study(*given, **files))
    return title, [(each.kind, each.key, each.title) for each in found]


def record(variant="elu", **changes):
    kept = {"activations": (), "monte_carlo": None, "set_up": "a"}
    return study_record(variant=variant, **kept | changes)


def test_a_study_without_anything_asks_nothing():
    assert asked(record()) == ("A study of elu, selu", [])


def test_what_a_plan_compares_is_asked_in_its_words():
    epochs = LINE | {"measure": "epochs_to_loss", "loss": 1.5, "question": ""}
    lines = [LINE, LINE | {"question": "", "measure": "val_loss", "tested": False}, epochs]
    plan = asked(record(), comparisons=lines)[1]
    assert plan == [
        ("difference", "comparison-1", "Which?"),
        ("difference", "comparison-2", "`a/elu` or `a/selu`?"),
        ("convergence", "epochs-3", "Does `a/elu` converge in fewer epochs than `a/selu`?"),
        ("selection", "selection", "Does another rule of selecting the epoch change a verdict?"),
    ]
    costly = asked(record(), comparisons=lines, cost=Cost({}, "cpu"))[1]
    assert costly[3] == (
        "speed",
        "speed-epochs-3",
        "How long does an epoch of `a/elu` take, and how long the same loss, beside `a/selu`?",
    )
    assert costly[:3] + costly[4:] == plan


@pytest.mark.parametrize(
    ("measure", "tested", "kinds"),
    [("test_nll", True, ["difference", "selection"]), ("test_nll", False, ["difference"]),
     ("epochs_to_loss", True, ["convergence"])],
)  # fmt: skip
def test_the_second_rule_is_asked_about_where_it_can_matter(measure, tested, kinds):
    line = LINE | {"measure": measure, "loss": 1.0, "tested": tested}
    assert [kind for kind, *_ in asked(record(), comparisons=[line])[1]] == kinds


def test_a_planned_question_keeps_what_the_plan_says():
    planned = Planned("Which?", ELU, SELU, "test_nll", None, None, False)
    found = questions.from_plan(4, planned)
    assert (found.cells, found.measure, found.tested) == ((ELU, SELU), "test_nll", False)
    assert (found.kind, found.part, found.figures) == ("difference", "plan", ("comparisons",))


def test_rates_are_asked_about_once_by_grid_or_search():
    grid = {"b/elu": RateGrid(()), "a/elu": RateGrid(())}
    searched = record(run=replace(record().run, learning_rate_source="search"))
    for given, files, set_up in (((searched,), {}, "a"), ((searched,), {"grid": grid}, "b")):
        _, found = questions.questions_of(study(*given, **files))
        assert [(each.kind, each.set_ups) for each in found] == [("rates", (set_up,))]


def test_what_runs_recorded_is_asked_about_by_cell():
    seen = study_record().activations
    runs = [
        record("selu", activations=seen, monte_carlo={"samples": 3}),
        record("elu", activations=seen),
        record("selu", set_up="b", monte_carlo={"samples": 3}),
    ]
    assert asked(*runs)[1] == [
        ("normalising", "layers-2", "Does `a/selu` normalise itself?"),
        ("monte_carlo", "monte-carlo-2", "Does Monte Carlo dropout help `a/selu`?"),
        ("monte_carlo", "monte-carlo-4", "Does Monte Carlo dropout help `b/selu`?"),
    ]
    _, found = questions.questions_of(study(*runs))
    assert [each.cells for each in found] == [(SELU,), (SELU,), (Cell("b", "selu"),)]


@pytest.mark.parametrize(
    ("cells", "its_set_ups", "about"),
    [((ELU, SELU), (), True), ((ELU, Cell("a", "other")), (), False), ((), ("a", "b"), True),
     ((), ("a", "z"), False), ((), ("a", "b", "z"), True), ((), (), True)],
)  # fmt: skip
def test_a_question_is_asked_where_its_cells_are(cells, its_set_ups, about):
    there = [Cell(set_up, variant) for set_up in "ab" for variant in ("elu", "selu")]
    question = Question("", "", "", "", cells=cells, set_ups=its_set_ups)
    assert questions.is_about(question, there) is about


@pytest.mark.parametrize(
    ("cells", "its_set_ups", "covered"),
    [((ELU, SELU, Cell("c", "elu")), (), True), ((ELU,), (), False), ((), ("a", "b"), True),
     ((), ("b",), False), ((), (), False)],
)  # fmt: skip
def test_a_comparison_is_covered_by_a_question_with_both_sides(cells, its_set_ups, covered):
    question = Question("", "", "", "", cells=cells, set_ups=its_set_ups)
    planned = Planned("", ELU, SELU, "test_nll", None, None, True)
    assert questions.is_covered(planned, [question]) is covered
    assert not questions.is_covered(planned, [])


def test_a_question_is_read_from_its_lines():
    lines = {"key": "k", "kind": "match", "part": "8d", "title": "t", "cells": ["a/elu", "a/selu"],
             "set_ups": ["a"], "gaps": [["elu", "selu"]], "tested": False}  # fmt: skip
    found = questions.question_from(lines)
    assert found == Question(
        "k", "match", "8d", "t", (ELU, SELU), ("a",), gaps=(("elu", "selu"),), tested=False
    )
    bare = questions.question_from({"key": "k", "kind": "rates", "part": "", "title": ""})
    assert (bare.cells, bare.gaps, bare.set_ups) == ((), (), ())


def found_for(first, second, *, comparison=True):
    cells = SimpleNamespace(first=first, second=second)
    return SimpleNamespace(contrast=cells, comparison=comparison or None, by_accuracy=None)


class Known:
    """Findings by both cells and the measure, and by themselves those of the second rule."""

    def __init__(self, findings, second=()):
        self.findings, self.second = findings, dict(second)

    def find(self, first, second, measure):
        return self.findings.get((first, second, measure.key))

    def by_accuracy(self, found):
        return self.second.get(found.contrast.first.variant)


def test_set_ups_are_compared_for_every_variant_that_has_runs():
    one, two = (found_for(Cell("a", name), Cell("b", name)) for name in ("elu", "selu"))
    known = {(Cell("a", "elu"), Cell("b", "elu"), "test_accuracy"): one}
    question = SimpleNamespace(set_ups=("a", "b", "c"))
    found = set_ups.set_ups(study(), Known(known, {"elu": two}), question)
    assert (found.found, found.second, found.missing) == ((one,), (two,), ("selu",))
    known[Cell("a", "selu"), Cell("b", "selu"), "test_accuracy"] = two
    both = set_ups.set_ups(study(), Known(known, {"elu": one}), question)
    assert (both.found, both.second, both.missing) == ((one, two), (), ())
    without = found_for(ELU, ELU, comparison=False)
    assert (
        set_ups.set_ups(study(), Known(known, {"elu": one, "selu": without}), question).second == ()
    )
    for key in known:
        known[key] = without
    assert set_ups.set_ups(study(), Known(known), question) is None


def test_published_figures_are_near_ours_or_far():
    """The records have a validation accuracy of 40 %."""
    book = {"elu": {"accuracy": 42.0}, "selu": {"accuracy": 37.9}, "other": {"accuracy": 40.0}}
    gaps = (("elu", "selu"), ("selu", "elu"))
    question = SimpleNamespace(set_ups=("a", "b", "c"), book=book, gaps=gaps)
    theirs, ours = found_for(ELU, SELU), found_for(ELU, SELU)
    known = {
        (ELU, SELU, "val_accuracy"): theirs,
        (Cell("b", "elu"), Cell("b", "selu"), "val_accuracy"): ours,
        (SELU, ELU, "val_accuracy"): theirs,
        (ELU, Cell("b", "elu"), "val_accuracy"): ours,
    }
    runs = [record(), record(seed=1), record("selu"), record(set_up="b")]
    found = set_ups.published(study(*runs), Known(known), question)
    assert found.accuracies == {
        "elu": ([40.0, 40.0], [40.0], []),
        "selu": ([40.0], [], []),
        "other": ([], [], []),
    }
    assert (found.near, found.far, found.found) == (("elu",), ("selu",), (ours,))
    (gap,) = found.gaps
    assert (gap.first, gap.second, gap.theirs, gap.ours) == ("elu", "selu", theirs, ours)
    assert gap.book == pytest.approx(4.1)
    known[ELU, SELU, "val_accuracy"] = found_for(ELU, SELU, comparison=False)
    assert set_ups.gaps(Known(known), question) == []
    assert set_ups.published(study(), Known({}), replace_book(question)).accuracies == {}


def replace_book(question):
    """A question without published figures."""
    return SimpleNamespace(set_ups=question.set_ups, book=None, gaps=())
