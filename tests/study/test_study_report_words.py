"""Sentences of a report that must follow from the figures: power, machines, rules, families."""

import re
from dataclasses import replace

import numpy as np
import pytest
from study_samples import PLAN, VARIANTS, Made, sample_record

from lightning_cifar.study.contrasts import in_one_family
from lightning_cifar.study.report.answers import report_of
from lightning_cifar.study.study_files import Cost, Coverage, Study


def cell(variant, made, set_up="exercise"):
    return [sample_record(set_up, variant, seed, made) for seed in range(10)]


def report(records, plan=PLAN, **parts):
    return report_of(Study(plan, tuple(records), (), {}, None, **parts))


def words_of(found, key):
    (answer,) = (each for each in found.answers if each.question.key == key)
    return " ".join(answer.paragraphs)


def with_accuracies(records, accuracies):
    """Records of ten seeds with given test accuracies, in percent."""
    for record, accuracy in zip(records, accuracies, strict=True):
        record.test["accuracy"] = accuracy / 100
    return [replace(record, test_right="") for record in records]


def two_variants(differences):
    first = with_accuracies(cell("batch_norm", Made(0.5)), [50 + each for each in differences])
    return first + with_accuracies(cell("elu", Made(0.5)), [50.0] * 10)


NOISY = [2.0, -1.5, 1.0, -0.5, 2.5, -2.0, 1.5, 0.5, -1.0, 3.0]
LIKELY = [2.0, 1.0, 1.5, 2.5, -0.5, 1.0, 2.0, 0.5, -0.3, 1.2]  # p 0.012, times nine 0.11


def test_power_stands_beside_what_is_not_shown():
    words = words_of(report(two_variants(NOISY)), "better-model")
    found = re.search(
        r"With 10 seeds and this spread \(standard deviation (.*?) points\), a true difference of "
        r"(.*?) points is found in 80 % of simulated studies, one of 1 points in (\d+) %",
        words,
    )
    deviation, detectable, share = map(float, found.groups())
    assert deviation == pytest.approx(np.std(NOISY, ddof=1), abs=0.006)
    assert 1.4 < detectable / deviation < 2
    assert share < 30
    assert "a true difference" not in words_of(report(two_variants([3.0] * 10)), "better-model")


def test_not_enough_evidence_is_not_contradicted_by_its_interval():
    alone = words_of(report(two_variants(LIKELY)), "better-model")
    assert "alone, this comparison would pass its test, but not after the correction" in alone
    assert "agree with anything" not in alone
    both = words_of(report(two_variants(NOISY)), "better-model")
    low, high = map(float, re.search(r"anything from (\S+) to (\S+) points", both).groups())
    assert low < 0 < high


def test_sides_on_different_machines_are_said():
    records = cell("batch_norm", Made(0.57), "augmented")
    records += cell("batch_norm", Made(0.5), "one_cycle")
    assert "different machines" not in words_of(report(records), "augmentation")
    moved = [
        replace(each, run=replace(each.run, device="a CPU")) if each.set_up == "augmented" else each
        for each in records
    ]
    words = words_of(report(moved), "augmentation")
    assert "`augmented` on a CPU with torch 2.15.0, `one_cycle` on NVIDIA H100" in words


def selected(record, gain):
    """The record with a second checkpoint, whose test accuracy is ``gain`` above the first's."""
    test = record.test | {"accuracy": record.test["accuracy"] + gain}
    second = {"epoch": record.run.best_epoch + 3, "test": test, "test_right": record.test_right}
    return replace(record, most_accurate=second)


def test_verdicts_that_another_rule_changes_are_marked():
    records = [each for name in VARIANTS for each in cell(name, Made(0.5))]
    records += [each for name in VARIANTS for each in cell(name, Made(0.5), "one_cycle")]
    for number, record in enumerate(records):  # all alike, to a tenth of a point
        record.test["accuracy"] = 0.5 + 0.001 * np.random.default_rng(number).standard_normal()
    same = report([selected(each, 0.01) for each in records])
    changed = report(
        [
            selected(each, 0.06 if (each.set_up, each.variant) == ("exercise", "elu") else 0.01)
            for each in records
        ]
    )
    rules = {each.question.key: each for each in same.answers}["selection"]
    assert rules.verdict == "none of 8 verdicts flip"
    rules = {each.question.key: each for each in changed.answers}["selection"]
    assert rules.verdict == "3 of 8 verdicts flip"
    assert [row[0] for row in rules.tables[0].rows if row[-1] == "**flips**"] == [
        "`exercise`: `batch_norm` − `elu`",  # noqa: RUF001
        "`exercise`: `selu` − `elu`",  # noqa: RUF001
        "`elu`: `one_cycle` − `exercise`",  # noqa: RUF001
    ]
    model = next(each for each in changed.answers if each.question.key == "better-model")
    assert model.verdict == "equivalent within ±1 points; by the second rule: batch_norm worse"
    assert "**flips to worse**" in words_of(changed, "better-model")
    assert "the verdict stands" in words_of(same, "better-model")
    cycle = next(each for each in changed.answers if each.question.key == "one-cycle")
    assert (
        cycle.verdict == "equivalent within ±1 points; by the second rule: depends on the variant"
    )


def test_the_families_of_both_rules_are_of_one_size():
    found = report([selected(each, 0.0) for each in two_variants(LIKELY)])
    declared, second = (found.findings.families[name] for name in list(found.findings.families)[:2])
    sizes = {each.comparison.family for each in (*declared, *second) if each.comparison}
    assert sizes == {9}
    accuracy = next(each for each in declared if each.comparison)
    assert found.findings.by_accuracy(accuracy).comparison == accuracy.comparison


def test_records_without_a_second_checkpoint_say_so():
    found = report(two_variants(NOISY))
    (rules,) = (each for each in found.answers if each.question.kind == "selection")
    assert rules.verdict == "not answered"
    assert "records of earlier versions contain those of the first only" in rules.missing[0]
    assert "highest validation accuracy" not in words_of(found, "better-model")
    column = found.runs.headings.index("test accuracy, highest validation accuracy")
    assert found.runs.rows[0][column] == "none"


def test_a_second_checkpoint_of_one_side_alone_compares_nothing():
    records = two_variants(NOISY)
    halved = [selected(each, 0.1) if each.variant == "elu" else each for each in records]
    (rules,) = (each for each in report(halved).answers if each.question.kind == "selection")
    assert rules.verdict == "not answered"


def searched(records, effect):
    """Rates two steps of a factor 2 about 1e-3; the accuracy follows them by ``effect`` a step."""
    found = []
    for record in records:
        step = record.seed % 5 - 2
        noise = 0.003 * np.random.default_rng([record.seed, len(record.variant)]).standard_normal()
        test = record.test | {"accuracy": 0.5 + effect * step + noise}
        found.append(
            replace(record, test=test, run=replace(record.run, learning_rate=1e-3 * 2**step))
        )
    return found


def test_share_of_the_searches_is_what_was_planted():
    records = [each for name in VARIANTS for each in cell(name, Made(0.5))]
    strong, none = (report(searched(records, effect)) for effect in (0.004, 0.0))
    shares = [
        float(re.search(r"explain \*\*(\d+) %\*\*", words_of(each, "learning-rate"))[1])
        for each in (strong, none)
    ]
    planted = 0.004**2 * 2 * 10 / 9  # the variance of the steps -2 to 2, as ten runs show it
    assert shares[0] == pytest.approx(100 * planted / (planted + 0.003**2), abs=12)
    assert shares[1] < 15
    table = next(each for each in strong.answers if each.question.key == "learning-rate").tables[0]
    assert table.rows[0][1:5] == ("10", "0.00025", "0.001", "0.004")


def test_one_search_for_all_seeds_is_said():
    found = report([each for name in VARIANTS for each in cell(name, Made(0.5))])
    assert "share the rate of one search" in words_of(found, "learning-rate")
    table = next(each for each in found.answers if each.question.key == "learning-rate").tables[0]
    assert table.rows[0][1] == "1 for all"
    assert table.rows[0][-3:] == ("not split", "unknown", "unknown")


def test_monte_carlo_with_a_temperature_stands_beside_temperature_scaling():
    records = cell("alpha_dropout", Made(0.5))
    before = report(records)
    for record in records:
        scores = record.monte_carlo["scores"]
        better = {"nll": scores["temperature"]["nll"] - 0.01 - 1e-3 * record.seed}
        scores["monte_carlo_temperature"] = scores["monte_carlo"] | better
    after = report(records)
    assert "these records do not contain it" in words_of(before, "monte-carlo")
    (answer,) = (each for each in after.answers if each.question.key == "monte-carlo")
    assert answer.verdict.endswith("; with its own temperature: better")
    assert len(after.findings.families["Monte Carlo dropout"]) == 8
    assert len(before.findings.families["Monte Carlo dropout"]) == 6


def test_all_families_as_one_are_stricter():
    records = two_variants([2.0, 1.0, 1.5, 2.5, 0.5, 1.0, 2.0, 0.4, 0.3, 1.2])
    records += cell("alpha_dropout", Made(0.5))
    found = report(records)
    (accuracy, *_), *_ = found.findings.families.values()
    as_one = in_one_family(found.findings)
    assert len(as_one) == 9 + 6
    assert as_one[accuracy.contrast.key] > accuracy.comparison.p_adjusted


def test_coverage_stands_beside_the_intervals():
    coverage = Coverage(5000, {10: {0.0: 0.951, 1.0: 0.939}, 3: {0.0: 0.95}})
    records = two_variants(NOISY)
    told = report(records, coverage=coverage)
    assert "truth in 93.9 to 95.1 % of simulated studies with 10 seeds" in told.introduction
    assert any("95.1 % (normal differences)" in each for each in told.about_comparisons)
    untold = report(records)
    assert "simulated" not in untold.introduction
    assert any("has not been simulated" in each for each in untold.about_comparisons)


def test_rounds_behind_a_ratio_are_shown():
    rounds = {128: {"elu": (3.0, 3.0), "batch_norm": (4.2, 3.3)}}
    cost = Cost({128: {"elu": 3.0, "batch_norm": 4.2}}, "cpu", rounds)
    records = cell("batch_norm", Made(0.5, 8)) + cell("elu", Made(0.5, 16))
    study = Study(PLAN, tuple(records), (), {}, cost)
    words = words_of(report_of(study), "speed")
    assert "**1.25 times** as long" in words  # the median of 1.40 and 1.10
    assert "medians of 2 rounds; single rounds have ratios from 1.10 to 1.40" in words


@pytest.mark.parametrize(("slowest", "rounds"), [(1.4, 2), (9.0, 1)])
def test_rounds_in_which_the_faster_one_stays_the_faster_are_counted(slowest, rounds):
    seconds = {128: {"elu": (3.0, 3.0), "batch_norm": (3.3, 3.0 * slowest)}}
    cost = Cost({128: {"elu": 3.0, "batch_norm": 3.6}}, "cpu", seconds)
    records = cell("batch_norm", Made(0.5, 8)) + cell("elu", Made(0.5, 16))
    told = report_of(Study(PLAN, tuple(records), (), {}, cost))
    first, second = re.findall(r"`\w+` ([\d.]+) epochs", words_of(told, "convergence"))
    (limit,) = re.findall(r"less than ([\d.]+) times as long", words_of(told, "speed"))
    assert float(limit) == pytest.approx(float(second) / float(first), rel=0.02)
    assert f"times as long, as in {rounds} of 2 rounds." in words_of(told, "speed")
