"""What a report says of a study: planted differences are found, absent ones are not."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from study_samples import COST, EXERCISE, PLAN, VARIANTS, Made, SampleStudy, sample_record

from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.study.contrasts import Contrast, noises_of
from lightning_cifar.study.measures import MEASURES
from lightning_cifar.study.reaching import shared_loss
from lightning_cifar.study.report.answers import Answer, report_of
from lightning_cifar.study.report.rates import found_loss, loss_at, worst_loss
from lightning_cifar.study.study_files import Cell, Cost, GridPoint, RateGrid, Study, grid_from

SEEDS = range(10)


def study(records, **parts):
    settings = {"plan": PLAN, "damaged": (), "grid": {}, "cost": None} | parts
    return Study(records=tuple(records), **settings)


def cell(variant, made, seeds=SEEDS, set_up="exercise", **options):
    return [sample_record(set_up, variant, seed, made, **options) for seed in seeds]


def answers(records, **parts) -> dict[str, Answer]:
    return {answer.question.key: answer for answer in report_of(study(records, **parts)).answers}


@cache
def verdict_for(first: float, second: float, seeds: int = 10) -> str:
    """The answer to 8c when batch_norm and elu have these accuracies."""
    records = cell("batch_norm", Made(first), range(seeds)) + cell(
        "elu", Made(second), range(seeds)
    )
    return answers(records)["better-model"].verdict


def test_planted_difference_is_reported_in_its_direction():
    assert verdict_for(0.53, 0.49) == "batch_norm better"
    assert verdict_for(0.49, 0.53) == "batch_norm worse"


def test_no_difference_is_equivalent_when_enough_was_measured():
    assert verdict_for(0.50, 0.50) == "equivalent within ±1 points"


def test_wide_spread_leaves_the_question_open():
    records = cell("batch_norm", Made(0.505, spread=0.03)) + cell("elu", Made(0.50, spread=0.03))
    assert answers(records)["better-model"].verdict == "not enough evidence"


def test_too_few_seeds_cannot_find_what_many_do():
    assert verdict_for(0.53, 0.49, seeds=4) == "not enough evidence"
    assert verdict_for(0.53, 0.49, seeds=1) == "not answered"


def test_certain_but_small_difference_says_that_it_is_small():
    records = cell("batch_norm", Made(0.504, spread=1e-4)) + cell("elu", Made(0.50, spread=1e-4))
    for record in records:  # the same images right, but for the planted ones
        right = round(10_000 * (0.504 if record.variant == "batch_norm" else 0.5)) + record.seed % 3
        record.test["accuracy"] = right / 10_000
    answer = answers(records)["better-model"]
    assert answer.verdict == "batch_norm better"
    assert "It is small, though" in " ".join(answer.paragraphs)


@pytest.mark.parametrize(("first", "second", "word"), [(8, 16, "faster"), (16, 8, "slower")])
def test_convergence_counts_epochs_to_the_loss(first, second, word):
    records = cell("batch_norm", Made(0.5, first)) + cell("elu", Made(0.5, second))
    assert answers(records)["convergence"].verdict == f"batch_norm {word}"


def test_run_that_never_reaches_the_loss_is_counted_and_not_compared():
    records = cell("batch_norm", Made(0.5, 8)) + cell("elu", Made(0.5, 16), range(9))
    records += cell("elu", Made(0.5, 16, loss=1.7), [9])
    answer = answers(records)["convergence"]
    assert answer.tables[0].rows[0][:2] == ("`elu`", "9 of 10")
    assert any(
        line.startswith("1 planned seed could not be compared") for line in answer.paragraphs
    )
    assert "9 seeds" in " ".join(answer.paragraphs)


def test_loss_to_reach_favours_neither_side():
    one = cell("elu", Made(0.5, loss=1.43))
    other = cell("batch_norm", Made(0.5, loss=1.31))
    both = study(one + other)
    cells = (("exercise", "elu"), ("exercise", "batch_norm"))
    assert shared_loss(both, *cells) == shared_loss(both, *cells[::-1]) == 1.45
    assert math.isnan(shared_loss(both, ("exercise", "selu"), cells[0]))


@pytest.mark.parametrize(("ratio", "word"), [(1.2, "faster"), (3.0, "slower")])
def test_speed_is_epochs_times_seconds(ratio, word):
    records = cell("batch_norm", Made(0.5, 8)) + cell("elu", Made(0.5, 16))
    cost = Cost({128: {"elu": 3.0, "batch_norm": 3.0 * ratio}}, "cpu")
    answer = answers(records, cost=cost)["speed"]
    assert answer.verdict == f"{ratio:.2f} times the seconds per epoch, to the same loss: {word}"


def test_selu_matches_or_not():
    worse = cell("selu", Made(0.49)) + cell("batch_norm", Made(0.53))
    same = [one for name in ("selu", "batch_norm") for one in cell(name, Made(0.5), range(12))]
    assert "±1 points? No." in " ".join(answers(worse)["selu-match"].paragraphs)
    assert "±1 points? Yes." in " ".join(answers(same)["selu-match"].paragraphs)


@pytest.mark.parametrize(
    ("start", "trained", "verdict"),
    [(1.0, 1.2, "yes"), (1.0, 3.0, "at the start only"), (0.3, 1.0, "no")],
)
def test_self_normalisation_is_judged_at_both_moments(start, trained, verdict):
    moments = tuple(
        ActivationRecord(epoch, (0.0,) * 20, (variance,) * 20)
        for epoch, variance in ((-1, start), (5, trained), (400, 99.0))
    )
    records = [replace(record, activations=moments) for record in cell("selu", EXERCISE["selu"])]
    assert answers(records)["self-normalising"].verdict == verdict


def test_monte_carlo_is_judged_over_the_seeds_and_against_the_cheap_rival():
    answer = answers(cell("alpha_dropout", Made(0.5)))["monte-carlo"]
    expected = "likelihood: better than one pass, worse than temperature scaling"
    assert answer.verdict == f"accuracy: not enough evidence; {expected}"
    harmful = cell("alpha_dropout", Made(0.5))
    for record in harmful:
        record.monte_carlo["scores"]["monte_carlo"]["accuracy"] -= 0.02
    assert answers(harmful)["monte-carlo"].verdict.startswith("accuracy: worse")


def test_one_cycle_says_for_which_variants():
    records = [record for name in VARIANTS for record in cell(name, Made(0.5))]
    for name in VARIANTS:
        gain = -0.03 if name == "selu" else 0.03
        records += cell(name, Made(0.5 + gain), set_up="one_cycle")
    answer = answers(records)["one-cycle"]
    assert answer.verdict == "depends on the variant"
    assert "**worse** for `selu`" in answer.paragraphs[0]


def test_few_seeds_are_described_and_not_tested():
    records = cell("batch_norm", Made(0.57), range(3), "augmented")
    records += cell("batch_norm", Made(0.53), range(10), "one_cycle")
    answer = answers(records)["augmentation"]
    assert answer.verdict.endswith("points, not tested")
    assert " p = " not in " ".join(answer.paragraphs)


def test_published_figures_are_compared_by_distance():
    near = answers(cell("elu", Made(0.48), range(3), "published"))["published"]
    far = answers(cell("elu", Made(0.40), range(3), "published"))["published"]
    assert near.verdict == "1 of 1 within 2 points of the book"
    assert far.verdict == "0 of 1 within 2 points of the book"
    assert len(near.missing) == 3


def test_correction_counts_every_test_declared_even_those_without_runs():
    records = cell("batch_norm", Made(0.53)) + cell("elu", Made(0.49))
    family = report_of(study(records)).findings.families["planned before the first run"]
    assert {found.comparison.family for found in family if found.comparison} == {9}
    found = family[0].comparison
    assert found.p_adjusted == pytest.approx(9 * found.p_value)


def test_noises_of_the_same_networks_are_zero_and_of_others_are_not():
    elu, selu = Cell("exercise", "elu"), Cell("exercise", "selu")
    accuracy = MEASURES["test_accuracy"]
    both = study(cell("elu", Made(0.5)) + cell("selu", Made(0.5)))
    assert noises_of(both, Contrast(elu, elu, accuracy, accuracy)).over_both == 0
    noises = noises_of(both, Contrast(elu, selu, accuracy, accuracy))
    expected = 100 * math.sqrt(0.5 / 10 / 10_000)  # independent coins: variance 1/2 a difference
    assert noises.over_images == pytest.approx(expected, rel=0.1)


GRID = [
    {"rate": 1e-3 * 2**power, "accuracy": accuracy}
    for power, accuracy in enumerate([0.40, 0.44, 0.50, 0.47, None])
]


def test_points_lost_beside_the_best_rate():
    points = grid_from({"exercise/elu": {"grid": GRID}})["exercise/elu"].points
    assert loss_at(points, 8e-3) == pytest.approx(3)
    assert loss_at(points, 2e-3) == pytest.approx(6)
    assert math.isinf(worst_loss(points, 4))  # did not learn
    assert worst_loss(points[:4], 4) == pytest.approx(10)
    assert math.isnan(loss_at(points, 5.5e-3))  # between two points of the grid


def test_points_lost_by_the_rate_found():
    found = {"rate": 5.5e-3, "accuracy": 0.485}
    grid = grid_from({"one_cycle/elu": {"grid": GRID, "found": found, "starts": 3}})
    assert found_loss(grid["one_cycle/elu"]) == pytest.approx(1.5)
    answer = answers(cell("elu", Made(0.5)), grid=grid)["learning-rate"]
    assert any("1.5 for `one_cycle/elu`" in sentence for sentence in answer.paragraphs)
    assert answer.tables[-1].rows[0][-1] == "0.0055 (1.5)"


def test_grid_of_failures_answers_nothing():
    grid = {"exercise/elu": RateGrid((GridPoint(1e-3, math.nan),))}
    assert answers(cell("elu", Made(0.5)), grid=grid)["learning-rate"].verdict == "not answered"


def test_studies_without_a_difference_rarely_give_a_verdict():
    alarms = 0
    for number in range(40):
        mix = np.random.default_rng(number)
        records = [
            record
            for variant in ("batch_norm", "elu")
            for record in cell(variant, Made(0.5, spread=0.02))
        ]
        for record in records:
            record.test["accuracy"] = 0.5 + 0.02 * mix.standard_normal()
        plan = {"comparisons": [PLAN["comparisons"][0]]}
        verdict = answers(records, plan=plan)["better-model"].verdict
        alarms += verdict.endswith(("better", "worse"))
    assert alarms <= 7  # binomial(40, 1/20): more in one study of a thousand


def test_sample_cost_is_of_the_form_that_is_read(tmp_path):
    from lightning_cifar.study.study_files import read_study_files

    folder = SampleStudy(cell("elu", Made(0.5))).write(tmp_path / "study")
    assert read_study_files(folder).cost.seconds[32] == COST["results"]["32"]["medians"]
