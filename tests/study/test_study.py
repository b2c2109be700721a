"""The command ``study``, run on few images: what it computes and keeps, and how it continues."""

import base64
import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from commands import configured, files_in, run, working_in
from small_studies import TINY, again, contents, refused

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.records import read_record
from lightning_cifar.study import outcome, train_job
from lightning_cifar.study.records import read_study
from lightning_cifar.uncertainty.scores import scores_of


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
            assert (record.monte_carlo["images"], record.monte_carlo["samples"]) == (60, 3)
            assert record.monte_carlo["scores"]["deterministic"] == record.test


def test_scaled_samples_keep_their_classes_and_gain_likelihood_where_they_were_fitted(finished):
    record = read_study(finished / "study")[0][0]
    scores = record.monte_carlo["scores"]
    assert record.monte_carlo["monte_carlo_temperature"] not in (
        1.0,
        comparison_temperature(record),
    )
    assert scores["monte_carlo_temperature"]["accuracy"] == scores["monte_carlo"]["accuracy"]
    assert scores["monte_carlo_temperature"]["nll"] != scores["monte_carlo"]["nll"]


def comparison_temperature(record):
    """Of the deterministic prediction."""
    return record.monte_carlo["temperature"]


def test_logits_are_kept_and_give_the_figures_of_the_record(finished):
    datamodule = CIFAR10DataModule(source="synthetic")
    for stage in ("fit", "test"):
        datamodule.setup(stage)
    labels = datamodule.test_images.labels
    hashes = set()
    for record in read_study(finished / "study")[0]:
        file = finished / "study" / "logits" / record.logits["file"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == record.logits["sha256"]
        hashes.add(record.logits["sha256"])
        arrays = np.load(file)
        assert all(record.logits[name] == list(arrays[name].shape) for name in arrays.files)
        assert arrays["test"].dtype == np.float16
        logits = torch.from_numpy(arrays["test"]).double()
        kept = scores_of(logits.log_softmax(-1), labels)
        assert kept["nll"] == pytest.approx(record.test["nll"], abs=2e-3)
        assert arrays["validation"].shape == (len(datamodule.validation_images), 10)
    assert len(hashes) == 4  # control: the runs differ


def test_second_checkpoint_is_the_most_accurate_epoch(work_folder, capsys):
    """Ten epochs at a high rate: the accuracy is highest at another epoch than the loss lowest."""
    shutil.rmtree(work_folder / "study")
    tiny = TINY.replace("max_epochs: 2", "max_epochs: 10").replace("2e-3", "2e-2")
    assert again(work_folder, capsys, tiny=tiny)[0] == 0
    differ = 0
    for record in read_study(work_folder / "study")[0]:
        accuracies = [epoch.val_accuracy for epoch in record.run.epochs]
        assert record.most_accurate["epoch"] == int(np.argmax(accuracies))
        same = record.most_accurate["epoch"] == record.run.best_epoch
        second = record.by_accuracy
        assert (second.test == record.test, second.test_right == record.test_right) == (same, same)
        right = second.right_images[:60].mean()
        assert second.test["accuracy"] == pytest.approx(right, abs=1e-12)
        differ += not same
    assert differ  # control


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
    monkeypatch.setattr(train_job, "fit_runs", None)
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


SEARCHED = TINY.replace("2e-3", "null") + "learning_rate_search: {candidates: 2, epochs: 1}\n"


def test_rate_of_each_seed_is_searched_once_and_that_of_a_single_fit(work_folder, capsys):
    study = "variants: [elu]\nset_ups: {plain: {overlays: [synthetic, tiny]}}\n"
    shutil.rmtree(work_folder / "study")
    assert again(work_folder, capsys, study=study, tiny=SEARCHED)[0] == 0
    found = files_in(work_folder / "study" / "rates")
    assert again(work_folder, capsys, "--seeds", 3, study=study, tiny=SEARCHED)[0] == 0
    after = files_in(work_folder / "study" / "rates")
    assert list(after) == [f"plain-elu-{seed}.json" for seed in range(3)]
    assert {name: after[name] for name in found} == found
    rates = [record.run.learning_rate for record in read_study(work_folder / "study")[0]]
    configs = [*configured("elu", "synthetic"), "--config", "tiny.yaml"]
    assert run(capsys, "fit", *configs, "--run=run")[0] == 0
    assert rates[0] == read_record(work_folder / "run" / "record.json").learning_rate
    assert len(set(rates)) > 1  # control: a search shared by all seeds finds one


def test_folder_of_one_search_for_all_seeds_is_refused(work_folder, capsys):
    plan = work_folder / "study" / "plan.json"
    fields = json.loads(plan.read_text())
    del fields["runs"]["plain/elu"]["rates"]
    plan.write_text(json.dumps(fields))
    assert "runs.plain/elu.rates is 'absent' there" in refused(work_folder, capsys)


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
    original = train_job.fit_runs

    def out_of_memory(condition, *arguments):
        if condition.variant == "elu":
            raise RuntimeError("out of\nmemory")
        return original(condition, *arguments)

    monkeypatch.setattr(train_job, "fit_runs", out_of_memory)
    before = contents(work_folder / "study")
    shutil.rmtree(work_folder / "study")
    code, out, error = again(work_folder, capsys)
    assert code == 1
    assert "2 of 4 runs" in out
    assert "lightning-cifar: plain/elu, seeds 0 to 1: RuntimeError: out of memory" in error
    assert "failed: plain/elu, seeds 0 to 1; the same command tries again" in error
    monkeypatch.setattr(train_job, "fit_runs", original)
    assert again(work_folder, capsys)[0] == 0
    assert contents(work_folder / "study") == before
