"""What the plan in a study's folder asked for, read from plans made up."""

from types import SimpleNamespace

import pytest
from record_samples import study_record

from lightning_cifar.study.plan_file import (
    Planned,
    cell_of,
    cells_of,
    outcome_of,
    planned_comparisons,
    planned_seeds,
    seeds_of,
    unread,
    variants_of,
)
from lightning_cifar.study.study_files import Cell

PLAN = {
    "variants": ["elu", "selu"],
    "seeds": 3,
    "set_ups": {"plain": None, "few": {"seeds": [4, 6]}, "one": {"variants": ["batch_norm"]}},
}


def study(plan, records=()):
    def runs(set_up, variant):
        return [each for each in records if (each.set_up, each.variant) == (set_up, variant)]

    return SimpleNamespace(plan=plan, records=records, runs=runs)


def test_cells_and_seeds_are_set_ups_times_variants():
    assert planned_seeds(PLAN) == {
        ("plain", "elu"): (0, 1, 2),
        ("plain", "selu"): (0, 1, 2),
        ("few", "elu"): (4, 6),
        ("few", "selu"): (4, 6),
        ("one", "batch_norm"): (0, 1, 2),
    }
    assert list(planned_seeds(PLAN)) == cells_of(study(PLAN))
    assert variants_of(study(PLAN)) == ["elu", "selu", "batch_norm"]


@pytest.mark.parametrize("plan", [{}, {"set_ups": None}, {"set_ups": ["plain"]}])
def test_a_plan_without_set_ups_names_nothing(plan):
    assert planned_seeds(plan | {"variants": ["elu"]}) == {}


def test_a_plan_without_variants_or_seeds_names_none():
    assert planned_seeds({"set_ups": {"plain": {}}, "seeds": 2}) == {}
    assert planned_seeds({"set_ups": {"plain": {}}, "variants": ["elu"]}) == {("plain", "elu"): ()}


@pytest.mark.parametrize(
    ("asked", "seeds"), [(2, (0, 1)), ([5, "7"], (5, 7)), (None, ()), ("many", ())]
)
def test_seeds_are_a_number_or_a_list(asked, seeds):
    assert seeds_of(asked) == seeds


def test_runs_that_nobody_planned_come_last():
    records = (study_record(set_up="other"), study_record(set_up="plain"))
    assert cells_of(study(PLAN, records))[-1] == ("other", "elu")
    assert len(cells_of(study(PLAN, records))) == 6


def test_an_outcome_parts_finished_failed_and_missing():
    done = study_record(set_up="plain", seed=0)
    failed = study_record(set_up="plain", seed=2, failure="it diverged")
    found = outcome_of(study(PLAN, (done, failed)), Cell("plain", "elu"))
    assert (found.set_up, found.variant, found.planned) == ("plain", "elu", (0, 1, 2))
    assert (found.finished, found.failed, found.missing) == ((done,), (failed,), (1,))
    unplanned = outcome_of(study({}, (failed, done)), Cell("plain", "elu"))
    assert (unplanned.planned, unplanned.missing) == ((0, 2), ())


def test_a_side_is_a_cell_or_a_variant_of_the_set_up():
    assert cell_of("plain/elu", "few") == ("plain", "elu")
    assert cell_of("elu", "few") == ("few", "elu")
    assert cell_of("elu") == ("", "elu")


GOOD = {"first": "elu", "second": "few/selu", "measure": "test_accuracy"}
FULL = {"question": "8d", "set_up": "plain", "margin": 0.5, "loss": 1.5, "tested": False}


def test_a_comparison_is_read_with_its_defaults():
    (short, whole) = planned_comparisons(study({"comparisons": [GOOD, GOOD | FULL]}))
    second = Cell("few", "selu")
    assert short == Planned("", Cell("", "elu"), second, "test_accuracy", None, None, True)
    assert whole == Planned("8d", Cell("plain", "elu"), second, "test_accuracy", 0.5, 1.5, False)
    reaching = study({"comparisons": [GOOD | {"measure": "epochs_to_loss"}]})
    assert planned_comparisons(reaching)[0].measure == "epochs_to_loss"


@pytest.mark.parametrize(
    "change",
    [
        *({"measure": "speed"}, {"margin": 0}, {"margin": "1"}, {"loss": -1.5}, {"loss": [1]}),
        *({"first": 3}, {"second": None}),
    ],
    ids=str,
)
def test_a_comparison_that_cannot_be_made_is_said(change):
    found = study({"comparisons": [GOOD, GOOD | change, "elu"]})
    assert len(planned_comparisons(found)) == 1
    lines = unread(found)
    assert [line.partition(" of ")[0] for line in lines] == ["comparison 2", "comparison 3"]
    assert lines[0] == (
        "comparison 2 of plan.json cannot be made here: its measure must be one of "
        "test_accuracy, test_nll, test_brier, test_calibration_error, test_balanced_accuracy, "
        "test_top5_accuracy, val_accuracy, val_loss, best_epoch, epochs_to_loss"
    )


@pytest.mark.parametrize("listed", [None, {}, "elu"])
def test_a_plan_without_a_list_compares_nothing(listed):
    assert planned_comparisons(study({"comparisons": listed})) == []
    assert unread(study({"comparisons": listed})) == []
