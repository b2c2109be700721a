"""The command ``study``, run on few images: what it computes, keeps, refuses and goes on with."""

import base64
import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from commands import configured, environment, files_in, run, working_in
from small_studies import STUDY, TINY, contents, write_study

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.records import read_record
from lightning_cifar.study import outcome, train_job
from lightning_cifar.study.records import read_study
from lightning_cifar.uncertainty.report import from_json


def make_quick(monkeypatch):
    """Few samples; and from 300 images nobody learns, so guessing is no failure."""
    monkeypatch.setattr(outcome, "MONTE_CARLO_SAMPLES", 3)
    monkeypatch.setattr(outcome, "guessing", lambda classes: math.inf)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished study of two conditions and two seeds each."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        root = tmp_path_factory.mktemp("finished")
        make_quick(monkeypatch)
        with working_in(root / "work", monkeypatch) as folder:
            from lightning_cifar.__main__ import main

            assert main([str(each) for each in write_study(folder)]) == 0
            yield folder


@pytest.fixture
def work_folder(finished, tmp_path, monkeypatch):
    """A copy of the finished study, to go on with or to break."""
    make_quick(monkeypatch)
    shutil.copytree(finished.parent / "cache", tmp_path / "cache")
    shutil.copytree(finished, tmp_path / "work")
    with working_in(tmp_path / "work", monkeypatch) as folder:
        yield folder


def again(folder, capsys, *flags, study=STUDY, **overlays):
    """Run the command in ``folder``; its code, output and report."""
    return run(capsys, *write_study(folder, study, **overlays), *flags)


def refused(folder, capsys, *flags, study=STUDY, **overlays):
    """Run a command that must change nothing; what it reported, in one line."""
    arguments = write_study(folder, study, **overlays)
    before = kept(folder)
    code, out, error = run(capsys, *arguments, *flags)
    assert (code, out) == (2, ""), error
    assert error.count("\n") == 1
    assert kept(folder) == before
    return error


def kept(folder):
    """All files of the study but locks."""
    files = files_in(folder / "study")
    return {name: time for name, time in files.items() if not name.endswith(".lock")}


def test_every_run_has_a_record(finished):
    records, damaged = read_study(finished / "study")
    found = [(record.set_up, record.variant, record.seed) for record in records]
    wanted = [("plain", variant, seed) for variant in ("alpha_dropout", "elu") for seed in (0, 1)]
    assert (found, damaged) == (wanted, [])
    assert not list((finished / "study" / "jobs").iterdir())


def test_record_says_what_its_weights_do(finished):
    datamodule = CIFAR10DataModule(source="synthetic")
    datamodule.setup("test")
    images = datamodule.test_images
    rights = []
    for record in read_study(finished / "study")[0]:
        checkpoint = load_checkpoint(finished / "study" / "weights" / f"{record.name}.ckpt")
        classifier = VARIANTS[record.variant](**checkpoint["hyper_parameters"])
        classifier.on_load_checkpoint(checkpoint)
        classifier.load_state_dict(checkpoint["state_dict"])
        with torch.no_grad():
            right = classifier.eval()(images.images).argmax(1) == images.labels
        bits = np.unpackbits(np.frombuffer(base64.b64decode(record.test_right), np.uint8))
        assert bits[: len(images)].tolist() == right.tolist()
        assert record.test["accuracy"] == pytest.approx(right.double().mean().item(), abs=1e-12)
        rights.append(right.tolist())
    assert all(rights.count(each) == 1 for each in rights)  # control: the runs differ


def test_only_the_network_with_dropout_is_sampled(finished):
    for record in read_study(finished / "study")[0]:
        if record.variant == "elu":
            assert record.monte_carlo is None
        else:
            comparison = from_json(json.dumps(record.monte_carlo))
            assert (comparison.images, comparison.samples) == (60, 3)
            assert comparison.scores["deterministic"] == record.test


def test_record_is_that_of_a_single_fit(finished, tmp_path, monkeypatch, capsys):
    """The same configuration, rate and images; the same figures but for rounding."""
    study = read_study(finished / "study")[0]
    record = next(each for each in study if (each.variant, each.seed) == ("elu", 1))
    other = next(each for each in study if (each.variant, each.seed) == ("elu", 0))
    with working_in(tmp_path / "work", monkeypatch) as folder:
        (folder / "tiny.yaml").write_text(TINY)
        configs = [*configured("elu", "synthetic"), "--config", "tiny.yaml"]
        code, _, _ = run(capsys, "fit", *configs, "--seed_everything=1", "--run=run")
        assert code == 0
        single = read_record(folder / "run" / "record.json")
    losses = [epoch.val_loss for epoch in single.epochs]
    assert [epoch.val_loss for epoch in record.run.epochs] == pytest.approx(losses, rel=1e-3)
    assert [epoch.val_loss for epoch in other.run.epochs] != pytest.approx(losses, rel=1e-3)
    assert (record.run.stop_reason, record.run.best_epoch) == (
        single.stop_reason,
        single.best_epoch,
    )
    assert common(record.run.config, single.config)
    assert not common(other.run.config, single.config)


def common(ours, theirs):
    """Whether all settings of ours, places left out, are those of theirs."""
    if isinstance(ours, dict):
        return all(key in theirs and common(ours[key], theirs[key]) for key in ours)
    return ours == theirs


def test_places_are_in_no_record(finished):
    for path in (finished / "study").rglob("*.json"):
        assert str(finished.parent) not in path.read_text()
        assert '"path"' not in path.read_text()


def test_finished_study_computes_nothing(work_folder, capsys, monkeypatch):
    monkeypatch.setattr(train_job, "fit_stack", None)
    before = files_in(work_folder / "study" / "records")
    code, out, error = again(work_folder, capsys)
    assert (code, error) == (0, "")
    assert out == f"4 of 4 runs have their record in {work_folder / 'study'}\n"
    assert files_in(work_folder / "study" / "records") == before


def test_added_seeds_alone_are_computed(work_folder, capsys):
    before = files_in(work_folder / "study" / "records")
    code, out, _ = again(work_folder, capsys, "--seeds", 3)
    after = files_in(work_folder / "study" / "records")
    assert (code, len(before), len(after)) == (0, 4, 6)
    assert {name: after[name] for name in before} == before
    assert "6 of 6 runs" in out
    code, out, _ = again(work_folder, capsys)
    assert (code, "4 of 4 runs" in out) == (0, True)
    assert json.loads((work_folder / "study" / "plan.json").read_text())["seeds"] == 3


def test_missing_record_is_computed_again_to_the_last_bit(work_folder, capsys):
    before = contents(work_folder / "study")
    for name in before:
        (work_folder / "study" / "records" / name).unlink()
    assert contents(work_folder / "study") == {}
    assert again(work_folder, capsys)[0] == 0
    assert contents(work_folder / "study") == before


def test_shards_together_do_the_study(work_folder, capsys):
    before = contents(work_folder / "study")
    shutil.rmtree(work_folder / "study")
    for number, done in ((1, 2), (2, 4)):
        code, out, _ = again(work_folder, capsys, "--shard", f"{number}/2")
        assert (code, f"{done} of 4 runs" in out) == (0, True)
    assert contents(work_folder / "study") == before


def test_rate_is_searched_once_and_is_that_of_a_single_fit(work_folder, capsys):
    tiny = TINY.replace("2e-3", "null") + "learning_rate_search: {candidates: 2, epochs: 1}\n"
    study = "variants: [elu]\nset_ups: {plain: {overlays: [synthetic, tiny]}}\n"
    shutil.rmtree(work_folder / "study")
    assert again(work_folder, capsys, study=study, tiny=tiny)[0] == 0
    found = files_in(work_folder / "study" / "rates")
    assert again(work_folder, capsys, "--seeds", 2, study=study, tiny=tiny)[0] == 0
    assert files_in(work_folder / "study" / "rates")["plain-elu.json"] == found["plain-elu.json"]
    rates = {record.run.learning_rate for record in read_study(work_folder / "study")[0]}
    configs = [*configured("elu", "synthetic"), "--config", "tiny.yaml"]
    assert run(capsys, "fit", *configs, "--run=run")[0] == 0
    assert rates == {read_record(work_folder / "run" / "record.json").learning_rate}


def test_diverged_run_is_an_outcome(work_folder, capsys):
    shutil.rmtree(work_folder / "study")
    code, _, error = again(work_folder, capsys, tiny=TINY.replace("2e-3", "1e30"))
    assert code == 0
    assert error.count("the training loss is not finite") == 4
    for record in read_study(work_folder / "study")[0]:
        assert record.failure.startswith("the training loss is not finite")
        assert (record.test, record.test_right, record.monte_carlo) == ({}, "", None)


def test_run_that_learns_nothing_is_an_outcome(work_folder, capsys, monkeypatch):
    shutil.rmtree(work_folder / "study")
    monkeypatch.setattr(outcome, "guessing", lambda classes: 0.1)  # these runs do not reach it
    code, _, error = again(work_folder, capsys)
    assert (code, error.count("no learning: the best validation loss")) == (0, 4)
    assert all(record.test == {} for record in read_study(work_folder / "study")[0])


def test_failed_job_is_named_and_the_others_go_on(work_folder, capsys, monkeypatch):
    original = train_job.fit_stack

    def out_of_memory(classifiers, *arguments, **options):
        if isinstance(classifiers[0], VARIANTS["elu"]):
            raise RuntimeError("out of\nmemory")
        return original(classifiers, *arguments, **options)

    monkeypatch.setattr(train_job, "fit_stack", out_of_memory)
    before = contents(work_folder / "study")
    shutil.rmtree(work_folder / "study")
    code, out, error = again(work_folder, capsys)
    assert code == 1
    assert "2 of 4 runs" in out
    assert "lightning-cifar: plain/elu, seeds 0 to 1: RuntimeError: out of memory" in error
    assert "failed: plain/elu, seeds 0 to 1; the same command tries again" in error
    monkeypatch.setattr(train_job, "fit_stack", original)
    assert again(work_folder, capsys)[0] == 0
    assert contents(work_folder / "study") == before


@pytest.mark.parametrize(
    ("overlay", "key"),
    [
        (TINY.replace("width: 8", "width: 9"), "runs.plain/elu.model.init_args.width is 8"),
        (TINY.replace("50", "60"), "runs.plain/elu.data.batch_size is 50 there and 60 here"),
    ],
)
def test_folder_of_another_configuration_is_refused(work_folder, capsys, overlay, key):
    error = refused(work_folder, capsys, tiny=overlay)
    assert "is a study of another configuration" in error
    assert key in error


def test_folder_of_other_comparisons_is_refused(work_folder, capsys):
    compared = "comparisons: [{question: e, first: elu, second: alpha_dropout, set_up: plain,"
    compared += " measure: test_accuracy, tested: false}]\n"
    assert "comparisons" in refused(work_folder, capsys, study=STUDY + compared)


def test_folder_of_other_images_is_refused(work_folder, capsys, monkeypatch):
    plan = work_folder / "study" / "plan.json"
    fields = json.loads(plan.read_text())
    fields["runs"]["plain/elu"]["images"] = "others"
    plan.write_text(json.dumps(fields))
    assert "runs.plain/elu.images is 'others' there" in refused(work_folder, capsys)


def test_folder_of_something_else_is_refused(work_folder, capsys):
    shutil.rmtree(work_folder / "study")
    (work_folder / "study").mkdir()
    (work_folder / "study" / "novel.txt").write_text("Once")
    arguments = write_study(work_folder)
    code, _, error = run(capsys, *arguments)
    assert code == 2
    assert "is no study: it holds novel.txt and no plan.json" in error


def test_damaged_plan_is_refused_and_written_again_once_removed(work_folder, capsys):
    plan = work_folder / "study" / "plan.json"
    whole = plan.read_text()
    plan.write_text(whole[:100])
    assert "plan.json is damaged" in refused(work_folder, capsys)
    plan.unlink()
    assert again(work_folder, capsys)[0] == 0
    assert plan.read_text() == whole


def test_damaged_record_is_named_and_redone_when_asked(work_folder, capsys):
    before = contents(work_folder / "study")
    path = next((work_folder / "study" / "records").iterdir())
    path.write_text(path.read_text()[:-40])
    code, out, error = again(work_folder, capsys)
    assert (code, "3 of 4 runs" in out) == (2, True)
    assert f"damaged records left out: {path.stem}; add --redo_damaged" in error
    assert again(work_folder, capsys, "--redo_damaged")[0] == 0
    # Another stack, of one member: the same run, but for the last digits.
    redone = contents(work_folder / "study")
    assert redone.keys() == before.keys()
    losses = [
        [epoch["val_loss"] for epoch in each[path.name]["run"]["epochs"]]
        for each in (redone, before)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    del redone[path.name], before[path.name]
    assert redone == before


BAD_FLAGS = {
    "bad shard": (["--shard", "3/2"], "--shard must be i/n"),
    "unknown set-up": (["--set_ups", "plian"], "did you mean 'plain'"),
    "seeds zero": (["--seeds", "0"], "at least 1, got 0"),
    "workers zero": (["--workers", "0"], "--workers must be at least 1"),
    "GPUs without Ray": (["--gpus_per_run", "1"], "goes with --engine ray"),
    "unknown option": (["--sead", "1"], "unrecognized arguments"),
    "path without folder": (["--data.path", "here"], "--data.source=folder"),
    "unknown source": (["--data.source", "web"], "'official', 'cifar100', 'folder'"),
}


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_bad_arguments_are_refused_in_a_line(work_folder, capsys, case):
    flags, message = BAD_FLAGS[case]
    assert message in refused(work_folder, capsys, *flags)


def test_ray_that_is_not_installed_is_said_in_a_line(work_folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = write_study(work_folder)[:-2]
    code, _, error = run(capsys, *arguments, "--engine", "ray")
    assert code == 2
    assert "pip install 'lightning-cifar[ray]'" in error


def test_help_is_quick_because_it_loads_nothing():
    script = (
        "import sys; from lightning_cifar.__main__ import main\n"
        "try: main(['study', '--help'])\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert "--shard" in ended.stdout
    assert ended.stderr == "False\n"


@pytest.mark.parametrize("ends", ["as Python does", "as a trainer does"])
def test_interrupted_study_says_how_to_go_on_and_goes_on(work_folder, capsys, monkeypatch, ends):
    done = contents(work_folder / "study")

    def interrupted(*_, **__):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            if ends == "as Python does":
                raise
            sys.exit(1)

    monkeypatch.setattr(train_job, "fit_stack", interrupted)
    three = ("--seeds", 3)
    code, _, error = again(work_folder, capsys, *three)
    assert code == 130
    assert error.endswith("lightning-cifar: interrupted; the same command goes on from here\n")
    monkeypatch.undo()
    make_quick(monkeypatch)
    with working_in(work_folder, monkeypatch):
        code, *_ = again(work_folder, capsys, *three)
    assert code == 0
    after = contents(work_folder / "study")
    assert len(after) == 6
    assert {name: after[name] for name in done} == done
