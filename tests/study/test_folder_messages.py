"""A study's folder and its settings: what is written there, and what is refused, word for word."""

import json
import os
from types import SimpleNamespace

import pytest

from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import shipped_configs
from lightning_cifar.study import conditions, folder
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.jobs import Job, begin, jobs_of, shard_of, unfinished_jobs
from lightning_cifar.study.plan import Plan, SetUp
from lightning_cifar.study.plan_file import Planned
from lightning_cifar.study.records import read_study_record
from lightning_cifar.study.study_files import Cell


def refusal(call, *arguments):
    """The whole message of an InputError."""
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


def condition(name="elu", seeds=3, **model):
    settings = {
        "model": {"init_args": {"width": 8, "seed": 0} | model},
        "data": {"batch_size": 5, "seed": 0},
        "trainer": {"max_epochs": 2, "accelerator": "cpu"},
        "learning_rate_search": {"cache": "there", "epochs": 1},
    }
    return Condition("plain", name, seeds, settings)


PLAN = Plan(
    3,
    {"plain": SetUp(("tiny",), ("elu",), 2)},
    (Planned("q", Cell("plain", "elu"), Cell("plain", "elu"), "test_nll", 0.5, None, False),),
)
FIELDS = {
    "seeds": 3,
    "set_ups": {"plain": {"overlays": ["tiny"], "variants": ["elu"], "seeds": 2}},
    "comparisons": [
        {
            "question": "q",
            "first": "plain/elu",
            "second": "plain/elu",
            "measure": "test_nll",
            "margin": 0.5,
            "loss": None,
            "tested": False,
        }
    ],
    "runs": {
        "plain/elu": {
            "model": {"init_args": {"width": 8}},
            "data": {"batch_size": 5},
            "trainer": {"max_epochs": 2},
            "learning_rate_search": {"epochs": 1},
            "images": "abc",
            "rates": "a search a seed",
        }
    },
}


def opened(study, plan=PLAN, **model):
    folder.open_study(study, plan, [condition(**model)], {"plain/elu": "abc"})
    return json.loads((study / "plan.json").read_text())


def test_a_new_folder_holds_all_that_was_asked(tmp_path):
    study = tmp_path / "a" / "b"
    assert opened(study) == FIELDS
    text = (study / "plan.json").read_text()
    assert text == json.dumps(FIELDS, indent=1) + "\n"
    assert {path.name for path in study.iterdir()} == {"plan.json", ".plan.lock"}


def test_a_plan_that_is_the_same_is_not_written_again(tmp_path):
    opened(tmp_path)
    os.utime(tmp_path / "plan.json", (1, 1))
    opened(tmp_path)
    assert (tmp_path / "plan.json").stat().st_mtime == 1


@pytest.mark.parametrize(("seeds", "kept"), [((5, 4), (5, 4)), ((1, 1), (3, 2)), ((4, 1), (4, 2))])
def test_the_larger_number_of_seeds_stands(tmp_path, seeds, kept):
    opened(tmp_path)
    found = opened(
        tmp_path, Plan(seeds[0], {"plain": SetUp(("tiny",), ("elu",), seeds[1])}, PLAN.comparisons)
    )
    assert (found["seeds"], found["set_ups"]["plain"]["seeds"]) == kept


def test_a_folder_of_another_study_is_refused(tmp_path):
    opened(tmp_path)
    assert refusal(lambda: opened(tmp_path, width=9)) == (
        f"{tmp_path} is a study of another configuration: runs.plain/elu.model.init_args.width is "
        "8 there and 9 here; choose another --out"
    )
    assert refusal(lambda: opened(tmp_path, depth=2)) == (
        f"{tmp_path} is a study of another configuration: runs.plain/elu.model.init_args.depth is "
        "'absent' there and 2 here; choose another --out"
    )


def test_a_setting_that_is_absent_here_is_named(tmp_path):
    opened(tmp_path, depth=2)
    assert refusal(lambda: opened(tmp_path)) == (
        f"{tmp_path} is a study of another configuration: runs.plain/elu.model.init_args.depth is "
        "2 there and 'absent' here; choose another --out"
    )


def test_a_folder_of_something_else_is_refused(tmp_path):
    for name in ("novel.txt", "essay.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "records").mkdir()
    assert refusal(opened, tmp_path) == (
        f"{tmp_path} is not a study: it contains essay.txt and no plan.json; choose another --out"
    )


@pytest.mark.parametrize("name", ["records", "rates", "weights", "logits", "jobs"])
def test_a_folder_that_lost_its_plan_is_still_a_study(tmp_path, name):
    (tmp_path / name).mkdir()
    assert opened(tmp_path) == FIELDS


def test_a_place_where_no_folder_can_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    study = tmp_path / "file" / "study"
    assert refusal(opened, study) == (
        f"cannot create the study folder {study}: Not a directory; choose another --out"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"seeds": 3}', "'set_ups'"),
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("[1]", "list indices must be integers or slices, not str"),
    ],
)
def test_a_damaged_plan_is_refused(tmp_path, text, reason):
    path = tmp_path / "plan.json"
    path.write_text(text)
    assert refusal(folder.read_plan_file, path) == (
        f"{path} is damaged ({reason}); remove it, and the same command writes it again"
    )


def test_a_plan_is_read_in_utf_8(tmp_path):
    assert folder.read_plan_file(tmp_path / "none.json") is None
    fields = {"seeds": 3, "set_ups": {"ä": 1}, "comparisons": [], "runs": {}}
    (tmp_path / "plan.json").write_bytes(json.dumps(fields, ensure_ascii=False).encode())
    assert folder.read_plan_file(tmp_path / "plan.json") == fields


def test_nested_settings_are_dotted():
    value = {"a": {"b": 1, "c": [2, {"d": 3}]}, "e": [], "f": {}, "g": None}
    assert list(folder.flat(value)) == [
        ("a.b", 1),
        ("a.c[0]", 2),
        ("a.c[1].d", 3),
        ("e", []),
        ("f", {}),
        ("g", None),
    ]


def test_an_overlay_that_is_not_there_is_named_with_those_that_are(tmp_path):
    (tmp_path / "mine.yaml").write_text("")
    assert conditions.config_file("mine", tmp_path, "x") == tmp_path / "mine.yaml"
    assert refusal(conditions.config_file, "mne", tmp_path, "set_ups.a") == (
        "unknown overlay 'mne' in set_ups.a; did you mean 'mine'?"
    )
    known = ", ".join([*shipped_configs(), "mine"])
    assert refusal(conditions.config_file, "@@@@", tmp_path, "variants") == (
        f"unknown overlay '@@@@' in variants; there are {known}"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"trainer": {"max_steps": 3, "devices": 2}},
            "a/b: a study has no setting 'trainer.devices'; its networks are trained in stacks, "
            "which take max_epochs and accelerator",
        ),
        (
            {"early_stopping": {"monitor": "val_accuracy"}},
            "a/b: a study stops early by val_loss only; leave out 'monitor'",
        ),
        (
            {"model": {"init_args": {"optimiser": "muon", "learning_rate": 1e-3}}},
            "a/b: the networks of a study are trained in stacks, with nadam; leave out "
            "model.optimiser",
        ),
        (
            {"early_stopping": {"mode": "max"}},
            "a/b: a study stops early by the lowest loss; leave out 'mode'",
        ),
        (
            {"data": {"loader": "stock"}},
            "a/b: the networks of a study are trained in stacks, with batches from memory; leave "
            "out data.loader",
        ),
        (
            {"seed_everything": 7},
            "a/b: a study trains the seeds from 0 on; leave out seed_everything, and give 'seeds' "
            "their number",
        ),
        ({"trainer": {"max_epochs": 0}}, "a/b: max_epochs must be at least 1"),
        # What a fit refuses is refused before the first network of a study is trained.
        ({"early_stopping": {"patience": 0}}, "a/b: patience must be at least 1, got 0"),
        (
            {"learning_rate_search": {"candidates": 1}},
            "a/b: a race needs candidates >= 2 and epochs >= 1, got 1 and None",
        ),
        (
            {"model": {"init_args": {"depth": 0}}},
            "a/b: EluClassifier: depth must be at least 1, got 0",
        ),
    ],
)
def test_settings_that_stacks_do_not_have_are_refused(tmp_path, settings, message):
    config = conditions.overlaid(conditions.compose([shipped_configs()["elu"]]), settings)
    assert refusal(conditions.resolved, config, "a/b") == message


def test_settings_are_resolved_for_seed_0():
    config = conditions.compose([shipped_configs()["elu"]])
    overlay = {"data": {"source": "synthetic"}, "early_stopping": {"mode": "min"}}
    found = conditions.resolved(conditions.overlaid(config, overlay), "a/b")
    assert found["trainer"]["accelerator"] == config.get("trainer", {}).get("accelerator", "auto")
    assert (found["seed_everything"], found["data"]["seed"]) == (0, 0)
    assert found["model"]["init_args"]["seed"] == 0
    assert found["data"]["source"] == "synthetic"
    assert found["early_stopping"]["monitor"] == "val_loss"
    assert isinstance(found["trainer"]["max_epochs"], int)
    assert "candidates" in found["learning_rate_search"]


def test_a_study_needs_a_network():
    parser = conditions.settings_parser()
    assert parser.get_defaults().seed_everything == 0
    with pytest.raises(conditions.ArgumentError, match="model"):
        parser.parse_object({"trainer": {"max_epochs": 1, "accelerator": "cpu"}})


def test_images_are_settled_once_for_all_conditions_that_share_them(monkeypatch):
    made = []

    class Images:
        fingerprint = "abc"

        def __init__(self, **settings):
            made.append(settings)
            self.settings = {"validation": f"drawn {len(made)}"}

    monkeypatch.setattr(conditions, "CIFAR10DataModule", Images)
    one, two, other = condition("elu"), condition("selu"), condition("alpha_dropout")
    other.settings["data"]["batch_size"] = 7
    found = conditions.settle_images([one, two, other])
    assert found == {"plain/elu": "abc", "plain/selu": "abc", "plain/alpha_dropout": "abc"}
    assert [each.settings["data"]["validation"] for each in (one, two, other)] == [
        "drawn 1",
        "drawn 1",
        "drawn 3",
    ]


def test_the_network_of_a_seed_is_made_for_the_images(monkeypatch):
    monkeypatch.setitem(conditions.VARIANTS, "elu", lambda **settings: settings)
    images = SimpleNamespace(class_count=4, image_size=16)
    assert condition(depth=2).classifier(3, 0.25, images) == {
        "width": 8,
        "depth": 2,
        "seed": 3,
        "learning_rate": 0.25,
        "classes": 4,
        "image_size": 16,
    }


def test_the_configuration_of_a_seed_has_no_places():
    assert condition().name == "plain/elu"
    assert condition().config(2) == {
        "seed_everything": 2,
        "model": {"init_args": {"width": 8}},
        "data": {"batch_size": 5},
        "trainer": {"max_epochs": 2},
        "learning_rate_search": {"epochs": 1},
    }
    assert condition().settings["learning_rate_search"]["cache"] == "there"  # stays


@pytest.mark.parametrize(
    ("shard", "expected"),
    [
        ((1, 1), [("a", 0), ("a", 10), ("b", 0), ("c", 0), ("c", 10)]),
        ((1, 2), [("a", 0), ("b", 0), ("c", 10)]),
        ((2, 2), [("a", 10), ("c", 0)]),
        ((1, 3), [("a", 0), ("c", 0)]),
        ((3, 3), [("b", 0)]),
    ],
)
def test_blocks_are_dealt_out_in_turn(tmp_path, shard, expected):
    asked = [condition("a", 12), condition("b", 10), condition("c", 11)]
    jobs = jobs_of(asked, (), tmp_path, shard)
    assert [(job.condition.variant, job.seeds[0]) for job in jobs] == expected
    assert all(len(job.seeds) == (10 if job.seeds[0] == 0 else len(job.seeds)) for job in jobs)


def test_a_started_stack_is_known_by_its_first_record(tmp_path):
    job = Job(condition(), (0, 2))
    path = begin(job, tmp_path)
    assert path == tmp_path / "jobs" / f"{condition().record_name(0)}-0-2"
    assert json.loads((path / "job.json").read_text()) == {
        "arm": condition().record_name(0),
        "title": "plain/elu, seeds 0, 2",
        "seeds": [0, 2],
    }
    assert (path / "job.json").read_text().endswith("}\n")
    begin(Job(condition(), (1,)), tmp_path)
    assert unfinished_jobs(tmp_path) == {condition().record_name(0): [(0, 2), (1,)]}
    assert begin(job, tmp_path) == path


def test_a_seed_is_missing_until_it_has_a_record(tmp_path):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / f"{condition().record_name(1)}.json").write_text("damaged")
    assert Job(condition(), (0, 1, 2)).missing(tmp_path) == [0, 2]


@pytest.mark.parametrize("text", ["3/2", "0/2", "1/0", "x/2", "1/x", "2"])
def test_a_shard_that_is_none_is_refused(text):
    assert refusal(shard_of, text) == (
        f"--shard must be i/n with i from 1 to n, such as 1/4 to 4/4; got {text!r}"
    )


def test_a_record_that_is_not_there_or_damaged_is_refused(tmp_path):
    path = tmp_path / "none.json"
    assert refusal(read_study_record, path) == (
        f"cannot read the study record {path}: No such file or directory"
    )
    path.write_text("{}")
    assert refusal(read_study_record, path) == (
        f"{path} is damaged (its seal does not match); run it again with 'study --redo_damaged'"
    )
