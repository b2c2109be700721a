"""The files beside the records, as they are read; and tests of a mean on a few differences."""

import hashlib
import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from record_samples import study_record

from lightning_cifar.study import records, sign_flips, statistics, study_files
from lightning_cifar.study.records import write_study_record
from lightning_cifar.study.statistics import Comparison, Pairs
from lightning_cifar.study.study_files import Cell, Cost, Coverage, GridPoint, RateGrid

GRID = {
    "a/elu": {
        "grid": [{"rate": 4e-3, "accuracy": 0.5}, {"rate": 1e-3, "accuracy": None}],
        "found": {"rate": 2e-3, "accuracy": 0.25},
        "starts": 3,
    },
    "a/selu": {"grid": [], "found": None},
}
COST = {
    "device": "an H100",
    "results": {
        "128": {"medians": {"elu": 3, "selu": 4.5}, "seconds": {"elu": [3, 2.5, 4]}},
        "32": {"medians": {"elu": 9}},
    },
}
COVERAGE = {"studies": 5, "coverage": {"10": {"0.5": {"interval": 0.95}, "1": {"interval": 0.94}}}}
PLAN = {"set_ups": {"a": {"variants": ["elu", "selu"], "seeds": 2}, "b": {"variants": ["elu"]}}}


@pytest.fixture
def folder(tmp_path):
    """A study of one record, with further files as a test writes them."""
    write_study_record(study_record(), tmp_path)

    def with_files(**contents):
        for name, content in contents.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / f"{name}.json").write_text(text)
        return study_files.read_study_files(tmp_path)

    return with_files


def test_a_study_is_read_whole(folder):
    found = folder(plan=PLAN, grid=GRID, cost=COST, coverage=COVERAGE)
    assert (found.plan, found.damaged, len(found.records)) == (PLAN, (), 1)
    grid = found.grid["a/elu"]
    assert grid.points[1:] == (GridPoint(4e-3, 0.5),)
    assert grid.points[0].rate == 1e-3
    assert math.isnan(grid.points[0].accuracy)
    assert (grid.found, grid.starts) == (GridPoint(2e-3, 0.25), 3)
    assert found.grid["a/selu"] == RateGrid((), None, 1)
    assert found.cost == Cost(
        {128: {"elu": 3.0, "selu": 4.5}, 32: {"elu": 9.0}},
        "an H100",
        {128: {"elu": (3.0, 2.5, 4.0)}},
    )
    assert found.coverage == Coverage(5, {10: {0.5: 0.95, 1.0: 0.94}})
    assert study_files.planned_seeds(PLAN) == {
        Cell("a", "elu"): (0, 1),
        Cell("a", "selu"): (0, 1),
        Cell("b", "elu"): (),
    }
    assert study_files.planned_seeds({}) == {}


def test_what_is_not_there_is_not_missed_but_for_the_plan(folder):
    found = folder()
    assert (found.plan, found.grid, found.cost, found.coverage) == ({}, {}, None, None)
    assert found.damaged == ("plan.json is missing: what else was planned is not known",)


def test_a_cost_without_a_device_is_of_an_unknown_one(folder):
    assert folder(cost={"results": {}}).cost == Cost({}, "unknown device", {})


def test_whatever_is_damaged_is_named(folder, tmp_path):
    (tmp_path / "records" / "broken.json").write_text("{}")
    odd = {"plan": "[1]", "grid": "{", "cost": {"results": 3}, "coverage": {"coverage": {}}}
    assert folder(**odd).damaged == (
        "records/broken.json is damaged and was left out",
        "plan.json is damaged and was left out",
        "grid.json is damaged and was left out",
        "cost.json is not of the form expected and was left out",
        "coverage.json is not of the form expected and was left out",
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plan", {"comparisons": {"a": 1}}),
        ("plan", {"set_ups": {"a": {}}}),
        ("plan", {"set_ups": []}),
        ("plan", {"set_ups": {"a": {"variants": ["elu"], "seeds": "2"}}}),
        ("grid", {"a/elu": {"grid": [{"rate": 0, "accuracy": 0.5}]}}),
        ("grid", {"a/elu": {"grid": [{"rate": 1}]}}),
        ("grid", {"a/elu": {}}),
        ("cost", {"results": {"many": {"medians": {}}}}),
        ("coverage", {"studies": 5, "coverage": {"10": {"0.5": {}}}}),
    ],
)
def test_another_form_is_left_out(folder, name, content):
    found = folder(**{"plan": PLAN, name: content})
    assert found.damaged == (f"{name}.json is not of the form expected and was left out",)


def test_the_runs_of_a_cell_are_its_own():
    runs = [study_record(set_up=one, variant=other) for one, other in ("xy", "xz", "wy", "xy")]
    found = study_files.Study({}, tuple(runs), (), {}, None)
    assert found.runs("x", "y") == [runs[0], runs[3]]


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [
        ((1, 2, 3), 0.25),  # of 8 sign patterns, two are as far from 0
        ((1, 2, -3), 1),
        ((-1, 5), 1),
        ((-1, -2, -4, -8), 0.125),
        ((1, 2, 4, -3), 0.625),  # six of 16 are nearer: 0 and 2 to either side
        ((0, 0), 1),
    ],
)
def test_sign_patterns_by_hand(differences, p_value):
    found = sign_flips.sign_flip_p(np.array(differences, np.float64))
    assert found == pytest.approx(p_value)


def test_subsets_have_their_means():
    weights = sign_flips.subset_weights(3)
    means = (weights @ np.array([1.0, 10.0, 100.0])).tolist()
    assert sorted(means) == pytest.approx([1, 5.5, 10, 37, 50.5, 55, 100])
    assert (sign_flips.subset_weights(17) > 0).any(1).all()
    many = sign_flips.subset_weights(17)
    assert 2**16 - 100 < len(many) < 2**16  # drawn, but for the empty ones
    assert np.allclose(many.sum(1), 1)


@pytest.mark.parametrize(("seeds", "rejected"), [(5, 0), (6, 1), (7, 2), (8, 5), (10, 23)])
def test_subsets_that_reject_are_counted(seeds, rejected):
    assert sign_flips.rejected_subsets(seeds, 0.045) == rejected


def test_intervals_of_few_differences_by_hand():
    few = np.array([1.0, 2.0, 6.0])  # mean 3, deviation sqrt(7), t 4.3027
    half = 4.302653 * math.sqrt(7 / 3)
    assert sign_flips.confidence_interval(few) == pytest.approx((3 - half, 3 + half))
    six = np.array([3.0, -1, 4, 8, 5, 9])
    assert sign_flips.confidence_interval(six) == (-1, 9)  # one subset of 64 on each side
    seven = np.array([3.0, -1, 4, 8, 5, 9, 2])
    assert sign_flips.confidence_interval(seven) == (0.5, 8.5)


def test_with_too_few_seeds_no_difference_is_found():
    assert np.isinf(sign_flips.least_differences(5, 0.05)).all()
    found = sign_flips.least_differences(6, 0.05)
    assert found.shape == (2000,)
    draws = np.random.default_rng(0).standard_normal((6, 2000))
    assert found == pytest.approx(-draws.min(0))  # every value must be above 0


def test_a_family_by_hand():
    """Six differences of one sign have p = 1/32; with a margin of 20 they are equivalent."""
    alike = np.array([1.0, 2, 3, 4, 5, 6])
    mixed = np.array([1.0, -2, 3, -4, 5, -6])
    none = np.array([1.0])
    first, second, third, fourth = statistics.compare_family(
        [Pairs(alike, margin=20), Pairs(mixed), Pairs(none), Pairs(alike, tested=False)]
    )
    assert (first.mean, first.low, first.high) == (3.5, 1, 6)
    assert first.differences == (1, 2, 3, 4, 5, 6)
    assert (first.p_value, first.p_adjusted) == pytest.approx((1 / 32, 3 / 32))
    assert 0 < first.equivalence < 1e-4
    assert (first.family, first.is_different) == (3, False)
    assert (second.p_value, second.p_adjusted) == pytest.approx((54 / 64, 1))
    assert second.equivalence is None
    assert third is None
    assert (fourth.p_value, fourth.p_adjusted) == pytest.approx((1 / 32, 1))
    assert fourth.family == 3
    (alone,) = statistics.compare_family([Pairs(alike)])
    assert (alone.p_adjusted, alone.is_different, alone.family) == (1 / 32, True, 1)
    assert alone.deviation == pytest.approx(math.sqrt(3.5))


@pytest.mark.parametrize(
    ("p_adjusted", "low", "high", "different"),
    [(0.05, 0.1, 1, True), (0.051, 0.1, 1, False), (0.05, 0, 1, False), (0.05, -1, 0, False),
     (0.01, -1, -0.1, True)],
)  # fmt: skip
def test_a_difference_needs_its_test_and_its_interval(p_adjusted, low, high, different):
    found = Comparison((), 0.0, low, high, 0.5, p_adjusted, None, 1)
    assert found.is_different is different


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]), ([0.5, 0.9], [1.0, 1.0]), ([0.2], [0.2]), ([], [])],
)
def test_holm_by_hand(p_values, adjusted):
    assert statistics.holm(p_values) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("comparisons", "seeds"), [(1, 6), (2, 7), (3, 7), (4, 8), (12, 9), (13, 10)]
)
def test_seeds_needed(comparisons, seeds):
    assert statistics.seeds_needed(comparisons) == seeds


def test_differences_are_paired_by_seed():
    first, second = {3: 1.0, 1: 5.0, 2: math.nan, 7: 9.0}, {1: 2.0, 3: 4.0, 2: 1.0, 8: 0.0}
    assert statistics.paired_differences(first, second).tolist() == [3, -3]
    assert statistics.paired_differences({}, second).tolist() == []


@pytest.mark.parametrize(
    ("differences", "margin", "p_value"),
    [((1, 1, 1), 2, 0), ((1, 1, 1), 1, 1), ((1, 1, 1), 0.5, 1), ((1, 3), 2, 0.5)],
)
def test_equivalence_by_hand(differences, margin, p_value):
    found = statistics.equivalence_p(np.array(differences, np.float64), margin)
    assert found == pytest.approx(p_value)


def test_equivalence_of_two_by_hand():
    """Distance 1 and error 1: of Student's t with one degree of freedom, a quarter is above 1."""
    found = statistics.equivalence_p(np.array([1.0, 3.0]), 3)
    assert found == pytest.approx(0.25)
    assert statistics.equivalence_p(np.array([-1.0, -3.0]), 3) == found


def test_a_seal_is_the_start_of_the_hash_of_all_the_rest(tmp_path):
    seal = hashlib.sha256('{"a":"é"}\n'.encode()).hexdigest()[:16]
    assert records.sealed('{"a":"é"}\n') == f'{{"seal":"{seal}","a":"é"}}\n'
    path = write_study_record(study_record(), tmp_path / "new")
    assert path == tmp_path / "new" / "records" / "00000000000000aa.json"
    text = path.read_text()
    assert text == records.sealed("{" + text[len('{"seal":"0123456789abcdef",') :])
    assert list(json.loads(text)) == ["seal", *asdict(study_record())]


@pytest.mark.parametrize(
    ("value", "written"), [(1.234567, 1.2346), (123456.7, 123460.0), (3, 3), (1234567, 1234567)]
)
def test_curves_have_five_digits(value, written):
    assert (records.rounded(value), type(records.rounded(value))) == (written, type(value))


def test_the_second_rule_keeps_nothing_of_the_first_checkpoint():
    other = {"epoch": 0, "test": {"accuracy": 0.5}, "test_right": "AA=="}
    run = study_record(most_accurate=other, logits={"file": "f"})
    found = run.by_accuracy
    assert (found.run.best_epoch, found.test, found.test_right) == (0, {"accuracy": 0.5}, "AA==")
    assert (found.activations, found.monte_carlo, found.logits) == ((), None, None)
    assert (found.name, found.seed, found.most_accurate) == (run.name, run.seed, other)
    assert (run.run.best_epoch, study_record().by_accuracy) == (1, None)
    failed = study_record(failure="it diverged")
    assert failed.by_accuracy is failed
    assert found.right_images.tolist() == [0] * 8
