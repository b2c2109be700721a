"""What the files of a study say, by hand, and what cannot be made of them."""

import json
import math

import pytest
from made_studies import ELU, PLAN, SELU, record, study

from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.results import hash_of
from lightning_cifar.study import plan_file, reaching, study_files
from lightning_cifar.study.measures import MEASURES
from lightning_cifar.study.records import write_study_record
from lightning_cifar.study.report import command
from lightning_cifar.study.study_files import Cell, Cost


@pytest.mark.parametrize(
    ("first", "second", "loss"),
    [
        ((1.50,), (1.40,), 1.5),
        ((1.51,), (1.40,), 1.55),
        ((1.2,), (1.42,), 1.45),
        ((1.0,) * 9 + (9.0,), (1.0,), 1.0),
        ((1.0,) * 8 + (2.0, 9.0), (1.0,), 2.0),
        ((1.0, 2.0), (1.0,), 2.0),
        ((), (1.0,), math.nan),
    ],
)
def test_the_loss_to_reach_is_that_of_nine_tenths(first, second, loss):
    runs = [
        record(name, seed, (each,))
        for name, losses in (("elu", first), ("selu", second))
        for seed, each in enumerate(losses)
    ]
    assert reaching.shared_loss(study(*runs), ELU, SELU) == pytest.approx(loss, nan_ok=True)
    ruled = reaching.loss_of(study(*runs, plan={}), ELU, SELU)
    assert ruled == pytest.approx(loss, nan_ok=True)
    assert reaching.loss_of(study(*runs), ELU, SELU) == 1.8
    assert reaching.planned_loss(study(*runs), SELU, ELU) is None


def test_the_seconds_of_an_epoch_are_those_of_the_batch_size():
    cost = Cost({16: {"elu": 2.0}, 32: {"elu": 5.0}}, "cpu")
    sized = [
        record(seed=seed, run={"config": {"data": {"batch_size": size}}})
        for seed, size in enumerate((16, 32, 16))
    ]
    other = record(set_up="b", run={"config": {}})
    whole = study(*sized, other, cost=cost)
    assert [reaching.batch_size(whole, name) for name in ("a", "b", "c")] == [16, 0, 0]
    assert reaching.seconds_of(whole, "a") == {"elu": 2.0}
    assert reaching.seconds_of(whole, "b") == {}
    assert reaching.seconds_of(study(*sized), "a") == {}


def test_outcomes_of_a_cell_are_counted():
    runs = [record(seed=0), record(seed=1, failure="it diverged"), record("selu", 7)]
    found = plan_file.outcome_of(study(*runs), ELU)
    assert (found.planned, found.missing) == ((0, 1, 2), (2,))
    assert ([each.seed for each in found.finished], [each.seed for each in found.failed]) == (
        [0],
        [1],
    )
    assert (found.set_up, found.variant) == ELU
    unplanned = plan_file.outcome_of(study(*runs, plan={}), SELU)
    assert (unplanned.planned, unplanned.missing) == ((7,), ())
    assert plan_file.cells_of(study(*runs, record(set_up="z"))) == [ELU, SELU, Cell("z", "elu")]
    assert plan_file.variants_of(study(record("relu"), plan=PLAN)) == ["elu", "selu", "relu"]


def test_planned_comparisons_are_read_and_the_rest_is_said():
    known = plan_file.planned_comparisons(study())
    assert known == [
        plan_file.Planned("q", ELU, SELU, "test_accuracy", None, None, True),
        plan_file.Planned("", ELU, SELU, "epochs_to_loss", 2, 1.8, False),
    ]
    line = PLAN["comparisons"][0]
    odd = [
        line,
        "text",
        line | {"measure": "speed"},
        line | {"margin": 0},
        line | {"margin": "1"},
        line | {"first": 3},
        line | {"second": None},
        line | {"loss": -1},
        line | {"measure": "val_loss", "loss": 0.5},
        line | {"question": "again", "margin": 5},
        line | {"second": "a/elu"},
    ]
    asked = study(plan={"comparisons": odd})
    assert [each.measure for each in plan_file.planned_comparisons(asked)] == [
        "test_accuracy",
        "val_loss",
    ]
    assert [each.partition(" of ")[0] for each in plan_file.unread(asked)] == [
        *(f"comparison {number}" for number in range(2, 9)),
        "comparison 10",
        "comparison 11",
    ]
    assert plan_file.unread(asked)[-2:] == [
        "comparison 10 of plan.json cannot be made here: comparison 1 is of the same two sides by "
        "the same measure",
        "comparison 11 of plan.json cannot be made here: its two sides are one",
    ]
    assert plan_file.unread(asked)[0] == (
        "comparison 2 of plan.json cannot be made here: its measure must be one of "
        + ", ".join((*MEASURES, "epochs_to_loss"))
    )
    assert plan_file.cell_of("elu", "a") == ELU == plan_file.cell_of("a/elu", "b")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda path: study_files.read_study_files(path / "none"),
            "no study folder PATH/none; 'lightning-cifar study' writes one",
        ),
        (
            study_files.read_study_files,
            "PATH is not a study that can be reported: it holds no records; "
            "'lightning-cifar study --out' with this folder computes them",
        ),
        (
            lambda path: command.write(path / "file" / "page", "words"),
            "cannot write PATH/file/page: Not a directory; choose another place",
        ),
    ],
)
def test_what_cannot_be_reported_is_refused(tmp_path, call, message):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as refusal:
        call(tmp_path)
    assert str(refusal.value) == message.replace("PATH", str(tmp_path))


@pytest.mark.parametrize(
    ("error", "reason"), [(OSError(28, "No space"), "No space"), (OSError("odd"), "odd")]
)
def test_a_place_that_refuses_says_why(monkeypatch, tmp_path, error, reason):
    def refuse(*_):
        raise error

    monkeypatch.setattr(command, "write_text_atomically", refuse)
    with pytest.raises(InputError) as refusal:
        command.write(tmp_path / "page", "words")
    assert str(refusal.value) == f"cannot write {tmp_path / 'page'}: {reason}; choose another place"


def test_only_damaged_records_are_no_study(tmp_path):
    (tmp_path / "records").mkdir()
    for name in "ab":
        (tmp_path / "records" / f"{name}.json").write_text("")
    with pytest.raises(InputError) as refusal:
        study_files.read_study_files(tmp_path)
    assert str(refusal.value) == (
        f"{tmp_path} is not a study that can be reported: all 2 records in it are damaged; "
        "'lightning-cifar study --out' with this folder computes them"
    )


def test_records_of_other_images_are_left_out_and_named(tmp_path):
    for name, images in (("aa", "ours"), ("bb", "theirs"), ("cc", "ours")):
        made = record(run={"data_fingerprint": images}, name=name)
        write_study_record(made, tmp_path)
    plan = {"set_ups": PLAN["set_ups"], "runs": {"a/elu": {"images": "ours"}, "a/selu": {}}}
    path = tmp_path / study_files.PLAN_FILE
    path.write_text(json.dumps(plan))
    found = study_files.read_study_files(tmp_path)
    assert [each.name for each in found.records] == ["aa", "cc"]
    assert found.damaged == ("records/bb.json was made with other images and was left out",)
    path.write_text(json.dumps(plan | {"runs": {}}))  # the control: nobody knows which are meant
    assert len(study_files.read_study_files(tmp_path).records) == 3
    path.write_text(json.dumps(plan | {"runs": {"a/elu": {"images": "else"}}}))
    with pytest.raises(InputError, match="all of its records were made with other images"):
        study_files.read_study_files(tmp_path)


def test_records_that_are_of_no_run_of_the_plan_are_left_out_and_named(tmp_path):
    settings = {"model": {"depth": 2}, "trainer": {"max_epochs": 6}}
    names = [hash_of(settings | {"seed_everything": seed}) for seed in range(4)]
    others = hash_of(settings | {"trainer": {"max_epochs": 2}, "seed_everything": 0})
    for name, seed in ((names[0], 0), (names[2], 2), (others, 0), (names[3], 3)):
        write_study_record(record(seed=seed, name=name), tmp_path)
    run = settings | {"images": record().run.data_fingerprint, "rates": "a search a seed"}
    plan = {"set_ups": PLAN["set_ups"], "runs": {"a/elu": run}}  # of three seeds
    path = tmp_path / study_files.PLAN_FILE
    path.write_text(json.dumps(plan))
    found = study_files.read_study_files(tmp_path)
    assert [each.name for each in found.records] == [names[0], names[2]]
    assert sorted(found.damaged) == sorted(
        f"records/{name}.json has other settings or another seed than the runs of plan.json and "
        "was left out"
        for name in (others, names[3])
    )
    path.write_text(json.dumps(plan | {"runs": {}}))  # the control: their settings are not known
    assert len(study_files.read_study_files(tmp_path).records) == 4
    run["model"] = {"depth": 3}
    path.write_text(json.dumps(plan))
    with pytest.raises(InputError, match=r"none of its records is of a run of its plan\.json"):
        study_files.read_study_files(tmp_path)
