"""What stacks refuse before they fit, and the run folder that a member leaves."""

import pytest
from small_modules import small_modules
from small_runs import small_classifier
from stack_fits import classifiers, fitted_in_stack, largest_difference

from lightning_cifar.__main__ import main
from lightning_cifar.classifiers import EluClassifier, SeluClassifier
from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.records import read_record
from lightning_cifar.stack.activations import BEFORE_TRAINING
from lightning_cifar.stack.fit import run_record, save_best_weights, write_member
from lightning_cifar.uncertainty.evaluation import load_classifier


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (lambda: [], "at least one classifier"),
        (lambda: [small_classifier(EluClassifier), small_classifier(SeluClassifier)], "variant"),
        (lambda: [small_classifier(), small_classifier(width=5)], "width = 4 and 5"),
        (lambda: [small_classifier(learning_rate=None)], "needs a learning rate"),
    ],
    ids=["none", "two variants", "two widths", "no rate"],
)
def test_classifiers_that_do_not_stack_are_refused(tmp_path, members, message):
    members = members()
    with pytest.raises(InputError, match=message):
        fitted_in_stack(members, tmp_path, seeds=range(len(members)))


@pytest.mark.parametrize("change", [{"seeds": (1,)}, {"patience": 0}, {"max_epochs": 0}])
def test_senseless_arguments_are_refused(tmp_path, change):
    with pytest.raises(InputError, match="got"):
        fitted_in_stack(classifiers("elu"), tmp_path, **change)


def test_members_folder_is_a_run_folder(tmp_path, monkeypatch, capsys):
    make = small_modules(monkeypatch, tmp_path / "cache")
    member = small_classifier(seed=4, learning_rate=3e-3)
    fit = fitted_in_stack([member], tmp_path, data=make, seeds=[4])[0]
    settings = {
        "class_path": "lightning_cifar.classifiers.EluClassifier",
        "init_args": dict(member.hparams) | {"learning_rate": 3e-3},
    }
    for linked in ("seed", "classes", "image_size"):
        del settings["init_args"][linked]
    data = {"source": "synthetic", "cache": str(tmp_path / "cache"), "batch_size": 32}
    run = tmp_path / "run"
    config = {"seed_everything": 4, "model": settings, "data": data}
    write_member(fit, run_record(fit, config), run)
    record = read_record(run / "record.json")
    assert (record.seed, record.variant, record.epochs) == (4, "elu", fit.epochs)
    assert largest_difference(load_classifier(run), fit.classifier) == 0
    assert main(["validate", "--run", str(run), "--trainer.accelerator", "cpu"]) == 0
    best = fit.epochs[fit.best_epoch]
    expected = f"val_loss {best.val_loss:.4f}  val_accuracy {best.val_accuracy:.2%}"
    assert expected in capsys.readouterr().out
    assert main(["test", "--run", str(run), "--trainer.accelerator", "cpu"]) == 0
    assert main(["export", "--run", str(run), "--format", "safetensors"]) == 0
    assert (run / "model.safetensors").is_file()


def test_member_that_diverged_at_once_has_a_record_and_no_weights(tmp_path):
    fit = fitted_in_stack(classifiers("elu", (1e38,)), tmp_path, seeds=[0])[0]
    write_member(fit, run_record(fit, {"seed_everything": 0}), tmp_path / "run")
    record = read_record(tmp_path / "run" / "record.json")
    assert (record.best_epoch, record.epochs) == (-1, ())
    assert not (tmp_path / "run" / "best.ckpt").exists()


def test_a_member_has_its_best_epoch_and_its_activations(tmp_path):
    fit, *_ = fitted_in_stack(classifiers("elu"), tmp_path)
    save_best_weights(fit, tmp_path / "best.ckpt")
    checkpoint = load_checkpoint(tmp_path / "best.ckpt")
    assert checkpoint["epoch"] == fit.best_epoch >= 0
    assert [record.epoch for record in fit.activations][:2] == [BEFORE_TRAINING, 0]
