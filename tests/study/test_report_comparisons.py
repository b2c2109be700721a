"""Which comparisons a report makes, what it finds, and how the answers are put together."""

import base64
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from record_samples import run_record, study_record

from lightning_cifar.study import contrasts
from lightning_cifar.study.contrasts import Contrast, Finding, Findings
from lightning_cifar.study.measures import MEASURES, by_accuracy, epochs_to_loss, way_measure
from lightning_cifar.study.measures import SCORES as ALL_SCORES
from lightning_cifar.study.plan_file import Planned
from lightning_cifar.study.report import answers, differences, families, selection
from lightning_cifar.study.report.monte_carlo import MonteCarlo, monte_carlo
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.report.writing import WORDS
from lightning_cifar.study.study_files import Cell, Cost, Study
from lightning_cifar.study.two_noises import noises

ELU, SELU, DROP = (Cell("a", name) for name in ("elu", "selu", "alpha_dropout"))
ACCURACY, VALIDATED = MEASURES["test_accuracy"], MEASURES["val_accuracy"]
LINE = {"question": "q", "first": "a/elu", "second": "a/selu", "measure": "test_accuracy"}


def record(cell=ELU, seed=0, accuracy=0.5, losses=(2.0, 1.5), **changes):
    run = run_record(cell.variant, seed, losses)
    run = replace(run, **changes.pop("run", {}))
    return study_record(
        variant=cell.variant, set_up=cell.set_up, seed=seed, run=run,
        **{"test": {"accuracy": accuracy}, "monte_carlo": None, "activations": ()} | changes,
    )  # fmt: skip


def study(*records, cost=None, set_ups=("a",), **plan):
    cells = {name: {"variants": ["elu", "selu"], "seeds": 4} for name in set_ups}
    return Study({"set_ups": cells, **plan}, records, (), {}, cost)


def question(kind, *cells, **more):
    return Question("key", kind, "part", "title", cells=cells, **more)


def asked(*given):
    """Who is compared with whom on what, with the margin, and whether it is tested."""
    return [
        ("/".join(each.first), "/".join(each.second), each.measure.key, each.margin, each.tested)
        for each in families.contrasts_of(*given)
    ]


def test_a_difference_compares_the_first_cell_with_the_others():
    assert asked(study(), question("difference", ELU, SELU)) == [
        ("a/elu", "a/selu", "test_accuracy", 1.0, True)
    ]
    described = question("match", ELU, SELU, DROP, measure="test_nll", tested=False)
    assert asked(study(), described) == [
        ("a/elu", "a/selu", "test_nll", None, False),
        ("a/elu", "a/alpha_dropout", "test_nll", None, False),
    ]
    untested = question("difference", ELU, SELU, tested=False)
    assert asked(study(), untested)[0][3:] == (None, False)


def test_convergence_and_speed_have_the_loss_of_the_plan():
    line = LINE | {"measure": "epochs_to_loss", "loss": 1.75}
    cost = Cost({16: {"elu": 2.0, "selu": 3.0}}, "cpu")
    runs = record(), record(SELU, losses=(3.0, 1.7))
    whole = study(*runs, comparisons=[line], cost=cost)
    (epochs,) = families.contrasts_of(whole, question("convergence", ELU, SELU))
    assert (epochs.first, epochs.second, epochs.margin) == (ELU, SELU, None)
    assert epochs.measure.title == "epochs to a validation loss of 1.75"
    (seconds,) = families.contrasts_of(whole, question("speed", ELU, SELU))
    assert (seconds.first, seconds.second) == (ELU, SELU)
    assert seconds.measure.title == "seconds to a validation loss of 1.75"
    assert [seconds.measure.of(run) for run in runs] == [4.0, 6.0]
    assert asked(study(*runs), question("speed", ELU, SELU)) == []


@pytest.mark.parametrize("scaled", [True, False])
def test_monte_carlo_dropout_is_compared_with_its_rivals(scaled):
    scores = {"deterministic": {}} | ({"monte_carlo_temperature": {}} if scaled else {})
    runs = record(DROP, monte_carlo={"scores": scores}), record(DROP, 1), record(DROP, 2)
    found = list(families.contrasts_of(study(*runs), question("monte_carlo", DROP)))
    names = ("accuracy", "nll", "calibration_error")
    keys = [
        ("monte_carlo", rival, name) for rival in ("deterministic", "temperature") for name in names
    ]
    if scaled:
        keys += [("monte_carlo_temperature", "temperature", name) for name in names[1:]]
    assert [(each.measure.key, each.other.key) for each in found] == [
        (f"{way}_{name}", f"{rival}_{name}") for way, rival, name in keys
    ]
    assert {(each.first, each.second, each.margin, each.tested) for each in found} == {
        (DROP, DROP, None, True)
    }


def test_every_variant_is_compared_under_both_set_ups():
    both = study(set_ups=("a", "b", "c"))
    two = {"set_ups": ("a", "b", "c")}
    assert asked(both, question("set_ups", **two)) == [
        ("a/elu", "b/elu", "test_accuracy", 1.0, True),
        ("a/selu", "b/selu", "test_accuracy", 1.0, True),
    ]
    assert asked(both, question("published", **two, gaps=(("elu", "selu"),))) == [
        ("a/elu", "b/elu", "val_accuracy", None, False),
        ("a/selu", "b/selu", "val_accuracy", None, False),
        ("a/elu", "a/selu", "val_accuracy", None, False),
        ("b/elu", "b/selu", "val_accuracy", None, False),
    ]
    assert asked(both, question("normalising", ELU)) == []


def test_the_second_rule_repeats_the_tested_comparisons_of_the_plan():
    lines = [LINE, LINE | {"measure": "test_nll", "margin": 0.5}, LINE | {"tested": False}]
    kept = record(most_accurate={"epoch": 0, "test": {}, "test_right": ""})
    assert asked(study(kept, comparisons=lines), question("selection")) == [
        ("a/elu", "a/selu", "test_accuracy_by_accuracy", 1.0, True),
        ("a/elu", "a/selu", "test_nll_by_accuracy", 0.5, True),
    ]
    (first, _) = families.contrasts_of(study(kept, comparisons=lines), question("selection"))
    assert first.other.key == "test_accuracy_by_accuracy"
    assert asked(study(record(), comparisons=lines), question("selection")) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("test_accuracy", 1.0, True)),
        ({"margin": 0.25}, ("test_accuracy", 0.25, True)),
        ({"tested": False}, ("test_accuracy", None, False)),
        ({"measure": "epochs_to_loss", "loss": 1.25}, ("epochs_to_loss", None, True)),
    ],
)
def test_a_planned_comparison_has_its_own_margin(changes, expected):
    planned = Planned("q", ELU, SELU, "test_accuracy", None, None, True)
    found = families.planned_contrast(study(), replace(planned, **changes))
    assert (found.measure.key, found.margin, found.tested) == expected
    assert (found.first, found.second, found.other) == (ELU, SELU, found.measure)
    if expected[0] == "epochs_to_loss":
        assert found.measure.title.endswith("1.25")


def test_a_planned_loss_that_is_not_given_is_that_of_the_rule():
    planned = Planned("q", ELU, SELU, "epochs_to_loss", None, None, True)
    runs = record(losses=(1.31,)), record(SELU, losses=(1.22,))
    found = families.planned_contrast(study(*runs), planned)
    assert found.measure.title == "epochs to a validation loss of 1.35"


def test_families_hold_each_comparison_once():
    more = question("difference", ELU, SELU, DROP, family="about {}")
    whole = study(record(), comparisons=[LINE])
    found = families.all_findings(whole, [more, more])
    assert {
        name: [each.contrast.second.variant for each in family]
        for name, family in found.families.items()
    } == {"planned before the first run": ["selu"], "about test accuracy": ["alpha_dropout"]}
    unplanned = families.all_findings(study(record()), [question("difference", ELU, SELU)])
    assert list(unplanned.families) == ["of the plan"]


def pairs(*accuracies, cells=(ELU, SELU), **changes):
    """Records of both cells, seed by seed."""
    return [
        record(cell, seed, value, **changes)
        for seed, both in enumerate(accuracies)
        for cell, value in zip(cells, both, strict=True)
    ]


def test_a_finding_in_full():
    runs = pairs((0.5, 0.25), (0.75, 0.25), (0.5, 0.5))
    runs[5] = replace(runs[5], test={}, failure="it diverged")
    (found,) = contrasts.compare_contrasts(study(*runs), [families.between(ELU, SELU, ACCURACY)])
    assert found.comparison.differences == (25, 50)
    assert (found.comparison.mean, found.means) == (37.5, (62.5, 25.0))
    assert found.failed == 2  # of four seeds that were planned
    assert found.machines == ("cpu with torch 2",) * 2
    assert found.noises is not None
    assert (found.comparison.family, found.verdict) == (1, "not enough evidence")
    unplanned = Study({}, tuple(runs), (), {}, None)
    (found,) = contrasts.compare_contrasts(unplanned, [families.between(ELU, SELU, ACCURACY)])
    assert found.failed == 1
    other = families.between(ELU, DROP, ACCURACY)
    (found,) = contrasts.compare_contrasts(study(*runs), [other])
    assert (found.comparison, found.verdict, found.tone) == (None, "not answered", "not-checkable")
    assert all(map(math.isnan, found.means))
    assert (found.failed, found.machines) == (0, ("cpu with torch 2", ""))


def test_what_is_needed_says_what_could_not_be_compared():
    failed = [replace(each, test={}, failure="it diverged") for each in pairs(*[(0.5, 0.25)] * 4)]
    asks = question("difference", ELU, SELU)
    for runs, said in ((failed, ["4 planned seeds could not be compared"]), ([], [])):
        plan = {"set_ups": {"a": {"variants": ["elu", "selu"], "seeds": 4 if runs else 0}}}
        known = Study(plan, tuple(runs), (), {}, None)
        findings = families.all_findings(known, [asks])
        needs, *others = answers.answer(known, findings, asks).missing
        assert needs.startswith("At least two seeds of both `elu` and `selu`")
        assert [each.partition(":")[0] for each in others] == said


def concluded(first, second, seeds):
    """The sentence on a comparison that is described."""
    runs = pairs(*[(0.5, 0.25)] * seeds, cells=(first, second))
    contrast = families.between(first, second, ACCURACY, tested=False)
    (found,) = contrasts.compare_contrasts(study(*runs, set_ups=("a", "b")), [contrast])
    return " ".join(str(WORDS.globals["say"].conclusion(found)).split())


def test_a_comparison_is_described_by_what_differs():
    said = "is described, not tested"
    assert concluded(ELU, SELU, 6) == f"The difference between `elu` and `selu` {said}."
    assert concluded(ELU, Cell("b", "elu"), 6) == f"The difference between `a` and `b` {said}."
    both = concluded(ELU, Cell("b", "selu"), 6)
    assert both == f"The difference between `a/elu` and `b/selu` {said}."
    few = concluded(ELU, SELU, 5)  # the control: of so few a test could show nothing
    assert few.endswith(f"{said}: with so few seeds the exact test cannot show a difference.")


def test_machines_are_told_once():
    other = {"device": "H100", "versions": {}}
    runs = record(), record(seed=1), record(seed=2, run=other)
    found = contrasts.machines_of(study(*runs), ELU)
    assert found == "cpu with torch 2 and H100 with torch ?"


def test_noises_need_two_pairs_of_equal_images():
    contrast = families.between(ELU, SELU, ACCURACY)
    whole = pairs((0.5, 0.5), (0.5, 0.5))
    assert contrasts.noises_of(study(*whole), contrast) is not None
    assert contrasts.noises_of(study(*whole[:2]), contrast) is None
    shorter = [*whole[:2], *(replace(each, test_right="AA==") for each in whole[2:])]
    assert contrasts.noises_of(study(*shorter), contrast) is None
    empty = [*whole[:2], replace(whole[2], test_right=""), whole[3]]
    assert contrasts.noises_of(study(*empty), contrast) is None
    assert contrasts.noises_of(study(*whole), families.between(ELU, SELU, VALIDATED)) is None


def test_noises_are_those_of_the_images_alone():
    right = {SELU: ([1] * 11, [1] * 6 + [0] * 5), ELU: ([1] * 4 + [0] * 7, [0] * 8 + [1] * 3)}
    runs = [
        record(
            cell, seed, test_right=base64.b64encode(np.packbits(each).tobytes()).decode(),
            logits={"test": [11, 3]},
        )
        for cell, seeds in right.items() for seed, each in enumerate(seeds)
    ]  # fmt: skip
    contrast = families.between(SELU, ELU, ACCURACY)
    tables = [np.array(right[cell], float) for cell in (SELU, ELU)]
    assert contrasts.noises_of(study(*runs), contrast) == noises(100 * (tables[0] - tables[1]))
    # The control: with the bits that fill the last byte it is another figure.
    padded = [replace(each, logits=None) for each in runs]
    assert contrasts.noises_of(study(*padded), contrast) != contrasts.noises_of(
        study(*runs), contrast
    )
    one = [replace(each, logits={"test": [1, 3]}) for each in runs]
    assert contrasts.noises_of(study(*one), contrast) is None  # no spread over images
    elsewhere = [
        replace(each, run=replace(each.run, data_fingerprint=each.variant)) for each in runs
    ]
    assert contrasts.noises_of(study(*elsewhere), contrast) is None  # no common images


def judged(
    measure=ACCURACY, tested=True, different=False, mean=1.0, equivalent=False, means=(3, 2)
):
    comparison = SimpleNamespace(
        is_different=different, mean=mean, is_equivalent=equivalent, p_value=0.25
    )
    return Finding(
        families.between(ELU, SELU, measure, tested=tested), comparison, means, 0, None, ("", "")
    )


@pytest.mark.parametrize(
    ("found", "verdict", "tone"),
    [
        (judged(different=True, equivalent=True), "better", "true"),
        (judged(different=True, mean=-1), "worse", "false"),
        (judged(MEASURES["test_nll"], different=True), "worse", "false"),
        (judged(MEASURES["test_nll"], different=True, mean=-1), "better", "true"),
        (judged(MEASURES["best_epoch"], different=True), "slower", "false"),
        (judged(MEASURES["best_epoch"], different=True, mean=-1), "faster", "true"),
        (judged(equivalent=True), "equivalent", "depends"),
        (judged(), "not enough evidence", "not-checkable"),
        (judged(tested=False, different=True), "described, not tested", "not-checkable"),
    ],
)
def test_a_verdict_has_its_direction(found, verdict, tone):
    assert (found.verdict, found.tone) == (verdict, tone)


def test_findings_are_found_by_who_is_compared():
    one, two = judged(), judged(by_accuracy(ACCURACY))
    mixed = Finding(Contrast(ELU, ELU, ACCURACY, VALIDATED), None, (0, 0), 0, None, ("", ""))
    findings = Findings({"first": [one, mixed], "second": [two]})
    assert list(findings.all()) == [one, mixed, two]
    assert findings.find(ELU, SELU, ACCURACY) is one
    assert findings.find(ELU, ELU, ACCURACY, VALIDATED) is mixed
    assert findings.find(ELU, ELU, ACCURACY) is None
    assert findings.find(SELU, ELU, ACCURACY) is None
    assert (findings.by_accuracy(one), findings.by_accuracy(mixed)) == (two, None)
    described = judged(VALIDATED, tested=False)
    together = contrasts.in_one_family(Findings({"all": [one, mixed, two, described]}))
    assert together == {one.contrast.key: 0.5, mixed.contrast.key: 1.0}


def test_both_rules_are_set_side_by_side():
    one, two = judged(), replace(judged(by_accuracy(ACCURACY), different=True))
    lonely, described = judged(MEASURES["test_nll"]), judged(VALIDATED, tested=False)
    reaching = judged(epochs_to_loss(1.5))
    findings = Findings({families.PLANNED: [one, lonely, described, reaching], "second": [two]})
    (rules,) = selection.selection(study(), findings, question("selection"))
    assert (rules.by_loss, rules.by_accuracy, rules.flips) == (one, two, True)
    assert not selection.Rules(one, one).flips
    assert selection.selection(study(), Findings({"second": [two]}), None) == []


def test_speed_by_hand():
    rounds = {16: {"elu": (2.0, 4.0, 9.0), "selu": (1.0, 1.0, 3.0)}}
    cost = Cost({16: {"elu": 4.0, "selu": 1.0}}, "cpu", rounds)
    runs = record(losses=(2.0, 1.5)), record(SELU, losses=(2.0, 1.5))
    asks = question("speed", ELU, SELU)
    whole = study(*runs, cost=cost)
    found = differences.speed(whole, families.all_findings(whole, [asks]), asks)
    assert (found.batch_size, found.seconds, found.ratios) == (16, (4.0, 1.0), (2, 4, 3))
    assert (found.ratio, found.found.measure.key) == (3, "seconds_to_loss")
    medians = replace(found, ratios=(), found=None)
    assert (medians.ratio, medians.break_even) == (4, math.inf)
    assert replace(found, found=judged(means=(8.0, 6.0))).break_even == 3  # 2 epochs and 6
    lacking = study(*runs, cost=Cost({16: {"elu": 4.0}}, "cpu"))
    assert differences.speed(lacking, Findings({}), asks) is None
    assert differences.speed(study(*runs), Findings({}), asks) is None


def test_convergence_by_hand():
    runs = [record(), record(seed=1, losses=(3.0, 2.5)), record(SELU, losses=(1.5, 1.0))]
    line = LINE | {"measure": "epochs_to_loss", "loss": 1.6}
    asks = question("convergence", ELU, SELU)
    found = differences.convergence(study(*runs, comparisons=[line]), Findings({}), asks)
    assert (found.loss, found.planned, found.found) == (1.6, True, None)
    assert found.reaching == (("elu", 2, [2.0]), ("selu", 1, [1.0]))
    ruled = differences.convergence(study(*runs), Findings({}), asks)
    assert (ruled.loss, ruled.planned) == (2.5, False)
    assert differences.convergence(study(runs[0]), Findings({}), asks).reaching == ()


def test_a_difference_may_stand_beside_another():
    one, two = judged(), judged()
    findings = SimpleNamespace(find=lambda first, second, measure: {SELU: one, DROP: two}[second])
    asks = question("match", ELU, SELU, DROP)
    assert differences.difference(study(), findings, asks) == differences.Difference(one, two)
    alone = differences.difference(study(), findings, question("difference", ELU, DROP))
    assert (alone.found, alone.beside) == (two, None)


def test_monte_carlo_over_the_seeds():
    scores = {
        way: {"accuracy": 0.5, "nll": 1.0}
        for way in ("deterministic", "monte_carlo", "temperature")
    }
    compared = {"samples": 7, "scores": scores}
    runs = [record(DROP, seed, monte_carlo=compared) for seed in (0, 1)]
    asks = question("monte_carlo", DROP)
    findings = families.all_findings(study(*runs), [asks])
    found = monte_carlo(study(*runs, record(DROP, 2)), findings, asks)
    assert (found.samples, len(found.recorded), len(found.found), found.scaled) == (7, 2, 4, None)
    nll, accuracy = ALL_SCORES[1], ALL_SCORES[0]
    assert found.accuracy is findings.find(
        DROP, DROP, way_measure("monte_carlo", accuracy), way_measure("deterministic", accuracy)
    )
    for side, rival in ((found.likelihood, "deterministic"), (found.rival, "temperature")):
        ways = way_measure("monte_carlo", nll), way_measure(rival, nll)
        assert side is findings.find(DROP, DROP, *ways)
    mixed = [runs[0], replace(runs[1], monte_carlo=compared | {"samples": 8})]
    assert monte_carlo(study(*mixed), findings, asks).samples == 0
    assert monte_carlo(study(), findings, asks).samples == 0


@pytest.mark.parametrize(
    ("sides", "split"),
    [((judged(), judged(), judged()), False), ((judged(), judged(different=True), judged()), True),
     ((judged(), judged(different=True), None), False)],
)  # fmt: skip
def test_verdicts_are_split_when_they_differ(sides, split):
    assert bool(MonteCarlo((), 0, (), *sides, None).is_split) is split
