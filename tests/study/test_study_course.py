"""What each step of a study hands to the next one, with the costly ones replaced."""

import json
from argparse import Namespace
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from made_studies import made_condition
from record_samples import study_record

from lightning_cifar.errors import InputError, Interrupted
from lightning_cifar.study import outcome, run_study, train_job
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.jobs import Job
from lightning_cifar.study.records import write_study_record

CPU = torch.device("cpu")
condition = partial(made_condition, batch_size=5)


def data(test="t", validation="v"):
    """Images by name, each with labels of its own."""
    parts = {
        name: SimpleNamespace(images=images, labels=f"{images} labels")
        for name, images in (("test_images", test), ("validation_images", validation))
    }
    return SimpleNamespace(**parts)


class Classifier:
    """A classifier whose network holds the name of its weights."""

    def __init__(self):
        self.network = SimpleNamespace(weights="best", load_state_dict=self.load)

    def load(self, weights):
        self.loaded = weights

    def __deepcopy__(self, memo):
        return Classifier()


def test_figures_are_of_both_checkpoints(monkeypatch, tmp_path):
    asked = []

    def logits_of(classifier, images):
        return f"{images} of {getattr(classifier, 'loaded', 'best')}"

    monkeypatch.setattr(outcome, "logits_of", logits_of)
    monkeypatch.setattr(outcome, "figures_on_test", lambda *given: {"test": given})
    monkeypatch.setattr(outcome, "monte_carlo", lambda *given: given)
    monkeypatch.setattr(outcome, "write_logits", lambda *given: asked.append(given) or "written")
    fit, images = SimpleNamespace(classifier=Classifier()), data()
    found = outcome.figures_of(fit, (9, "second"), images, 3, tmp_path, "name")
    assert found == {
        "test": ("t of best", "t labels"),
        "monte_carlo": (fit.classifier, images, 3),
        "most_accurate": {"epoch": 9, "test": ("t of second", "t labels")},
        "logits": "written",
    }
    assert asked == [({"test": "t of best", "validation": "v of best"}, tmp_path, "name")]


def test_monte_carlo_dropout_is_scaled_on_validation_images(monkeypatch):
    asked = []

    def compare(classifier, *parts, **given):
        asked.append((classifier, parts, given))
        return {"samples": 2, "scores": {"deterministic": {}}}

    def mean(classifier, images, **given):
        assert not torch.is_grad_enabled()
        return classifier, images, given

    monkeypatch.setattr(outcome, "MONTE_CARLO_SAMPLES", 2)
    monkeypatch.setattr(outcome, "compare_predictions", compare)
    monkeypatch.setattr(outcome, "monte_carlo_mean", mean)
    monkeypatch.setattr(outcome, "to_json", json.dumps)
    monkeypatch.setattr(outcome, "fit_temperature", lambda *given: ("temperature", given))
    monkeypatch.setattr(outcome, "scaled_log_probabilities", lambda *given: ("scaled", *given))
    monkeypatch.setattr(outcome, "scores_of", lambda *given: ("scores", *given))
    dropped = SimpleNamespace(network=[torch.nn.ReLU(), torch.nn.Dropout(0.5)])
    images = data()
    given = {"samples": 2, "seed": 3}
    temperature = ("temperature", ((dropped, "v", given), "v labels"))
    assert outcome.monte_carlo(dropped, images, 3) == {
        "samples": 2,
        "scores": {
            "deterministic": {},
            "monte_carlo_temperature": (
                "scores",
                ("scaled", (dropped, "t", given), temperature),
                "t labels",
            ),
        },
        "monte_carlo_temperature": temperature,
    }
    assert asked == [(dropped, (images.test_images, images.validation_images), given)]
    plain = SimpleNamespace(network=[torch.nn.ReLU(), torch.nn.Dropout(0)])
    assert outcome.monte_carlo(plain, images, 3) is None


def test_a_job_goes_from_rates_to_records(monkeypatch, tmp_path):
    """Of three seeds the second has its record; the third run failed."""
    did, told = [], []
    images = SimpleNamespace(
        prepare_data=lambda: did.append("prepare"), setup=lambda stage: did.append(stage)
    )

    def rates_of(*given):
        did.append(given)
        return [0.5, 0.25, 0.125], "search"

    def fitted(*given):
        did.append(given)
        return [(f"fit {seed}", f"accurate {seed}") for seed in (0, 1, 2)]

    def record_of(condition, seed, *given):
        told.append((seed, *given))
        return study_record(name=f"name {seed}", failure="it diverged" if seed == 2 else "")

    monkeypatch.setattr(Condition, "datamodule", lambda condition: images)
    monkeypatch.setattr(train_job, "rates_of", rates_of)
    monkeypatch.setattr(train_job, "fit_runs", fitted)
    monkeypatch.setattr(train_job, "study_record", record_of)
    monkeypatch.setattr(train_job, "save_best_weights", lambda *given: told.append(given))
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / f"{condition().record_name(1)}.json").write_text("")
    job, folder = Job(condition(), (0, 1, 2)), tmp_path / "folder"
    lines = train_job.train(job, tmp_path, folder, "on epoch")
    assert lines == ["a/elu, seed 2: it diverged"]
    assert did == [
        "prepare",
        "fit",
        (job.condition, (0, 1, 2), images, tmp_path, CPU),
        (job.condition, {0: 0.5, 1: 0.25, 2: 0.125}, images, folder, "on epoch"),
        "test",
    ]
    assert told == [
        (0, "fit 0", "accurate 0", "search", images, tmp_path),
        ("fit 0", tmp_path / "weights" / "name 0.ckpt"),
        (2, "fit 2", "accurate 2", "search", images, tmp_path),
        ("fit 2", tmp_path / "weights" / "name 2.ckpt"),
    ]
    assert {path.stem for path in (tmp_path / "records").glob("name*")} == {"name 0", "name 2"}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Runs a study of one condition of two seeds without training; what each step was given."""
    asked = SimpleNamespace(jobs=None, opened=None)
    made = condition(0.5)
    set_up = SimpleNamespace(set_ups={"a": None, "b": None})
    monkeypatch.setattr(run_study, "config_path", lambda name: tmp_path / f"{name}.yaml")
    monkeypatch.setattr(run_study, "read_plan", lambda *given: (set_up, given))
    monkeypatch.setattr(
        run_study, "selected", lambda plan, names: SimpleNamespace(set_ups=names or {"a": None})
    )
    monkeypatch.setattr(
        run_study, "conditions_of", lambda *given: asked.__dict__.update(of=given) or [made]
    )
    monkeypatch.setattr(run_study, "settle_images", lambda conditions: {"a/elu": "abc"})
    monkeypatch.setattr(run_study, "open_study", lambda *given: asked.__dict__.update(opened=given))
    monkeypatch.setattr(
        run_study,
        "run",
        lambda jobs, options, line: asked.__dict__.update(jobs=jobs, line=line) or [],
    )

    def start(**changes):
        given = {"config": "c", "out": tmp_path, "seeds": 4, "set_ups": [], "shard": "1/1"}
        more = {"engine": "local", "redo_damaged": False, "data.path": "p"}
        return run_study.run_study(Namespace(**given | more | changes)), asked, made

    return start


def test_a_study_opens_its_folder_and_runs_what_is_missing(small, tmp_path):
    made = condition(0.5)
    write_study_record(study_record(name=made.record_name(1)), tmp_path)
    (tmp_path / "records" / f"{made.record_name(2)}.json").write_text("damaged")
    code, asked, made = small()
    assert code == 2
    assert [job.seeds for job in asked.jobs] == [(0, 3)]
    study, plan, conditions, hashes = asked.opened
    assert (study, conditions, hashes) == (tmp_path, [made], {"a/elu": "abc"})
    assert plan[1] == (tmp_path / "c.yaml", 4)
    assert asked.of == (plan, tmp_path, {"data": {"path": "p"}})
    assert asked.line.runs == 2
    code, asked, _ = small(redo_damaged=True)
    assert (code, [job.seeds for job in asked.jobs]) == (0, [(0, 2, 3)])
    assert not (tmp_path / "records" / f"{made.record_name(2)}.json").exists()
    assert small(set_ups=["b"])[1].jobs == []
    assert small(shard="2/2")[1].jobs == []


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_study_says_that_it_goes_on(small, monkeypatch, ends):
    """A trainer turns the interruption into the end of the process."""

    def interrupted(*_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ends  # noqa: B904

    monkeypatch.setattr(run_study, "run", interrupted)
    with pytest.raises(Interrupted) as said:
        small()
    assert str(said.value) == "interrupted; the same command continues from here"


def test_an_end_that_is_no_interruption_stays_one(small, monkeypatch):
    def ended(*_):
        raise SystemExit(3)

    monkeypatch.setattr(run_study, "run", ended)
    with pytest.raises(SystemExit) as end:
        small()
    assert end.value.code == 3


def test_a_study_with_records_of_other_images_is_refused(small, tmp_path):
    made = condition(0.5)
    foreign = study_record(name=made.record_name(1), set_up="a", variant="elu")
    write_study_record(foreign, tmp_path)
    with pytest.raises(
        InputError, match=r"records that were made with other images: [0-9a-f]{16};"
    ):
        small()
    write_study_record(replace(foreign, run=replace(foreign.run, data_fingerprint="abc")), tmp_path)
    assert small()[0] == 0  # the control
