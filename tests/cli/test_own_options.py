"""Every option of ours in ``fit --help``: it changes what is trained, or is shown elsewhere."""

import json

import pytest
from commands import run, smoke

from lightning_cifar.cli.options import accepted_keys

# Option → a value with which other figures come out, for the variant that has it.
CHANGES = {
    "model.depth": ("selu", "2"),
    "model.width": ("selu", "8"),
    "model.learning_rate": ("selu", "0.01"),
    "model.schedule": ("selu", "one_cycle"),
    "model.optimiser": ("selu", "muon"),
    "model.dropout_rate": ("alpha_dropout", "0.5"),
    "model.dropout_everywhere": ("alpha_dropout", "true"),
    "data.batch_size": ("selu", "50"),
    "data.validation": ("selu", "first"),
    "data.validation_size": ("selu", "60"),
    "data.split_seed": ("selu", "3"),
    "data.standardise": ("selu", "per_channel"),
    "data.flip": ("selu", "true"),
    "data.shift": ("selu", "3"),
}
# Option → the tests that show what it does.
ELSEWHERE = {
    "model.class_weights": "tests/training/test_class_weights.py",
    "data.source": "tests/data/test_datamodule.py",
    "data.path": "tests/cli/test_cut_runs.py",
    "data.cache": "tests/data/test_datamodule.py",
    "data.image_size": "tests/data/test_own_pictures.py",
    "data.labels": "tests/data/test_forms.py",
    "data.skip_unreadable": "tests/data/test_own_pictures.py",
    "data.loader": "the same batches in the same order: test_other_loader_gives_the_same_figures",
    "learning_rate_search.candidates": "tests/rate_search/test_learning_rate_search.py",
    "learning_rate_search.epochs": "tests/rate_search/test_learning_rate_search.py",
    "learning_rate_search.cache": "tests/rate_search/test_learning_rate_search.py",
    "early_stopping.monitor": "tests/training/test_judging.py",
    "early_stopping.patience": "tests/training/test_judging.py",
    "early_stopping.mode": "tests/training/test_judging.py",
}


def figures(capsys, folder, variant, *options):
    """Losses of two epochs."""
    name = f"run{len(list(folder.iterdir()))}"
    epochs = ["--trainer.max_epochs", "2"]
    code, _, error = run(capsys, *smoke(variant), *epochs, *options, "--run", name)
    assert code == 0, error
    record = json.loads((folder / name / "record.json").read_text())
    return [(epoch["train_loss"], epoch["val_loss"]) for epoch in record["epochs"]]


def test_every_option_has_a_case():
    offered = {
        f"{section}.{key}"
        for section, keys in accepted_keys().items()
        for key in keys
        if section != "trainer"
    }
    assert offered == {*CHANGES, *ELSEWHERE}


@pytest.mark.parametrize("option", CHANGES)
def test_option_changes_what_is_trained(cwd, capsys, option):
    variant, value = CHANGES[option]
    assert figures(capsys, cwd, variant) != figures(capsys, cwd, variant, f"--{option}", value)


def test_seed_changes_what_is_trained(cwd, capsys):
    seeded = figures(capsys, cwd, "selu", "--seed_everything", "7")
    assert figures(capsys, cwd, "selu") != seeded


def test_control_the_same_options_give_the_same_figures(cwd, capsys):
    assert figures(capsys, cwd, "selu") == figures(capsys, cwd, "selu")


def test_other_loader_gives_the_same_figures(cwd, capsys):
    stock = figures(capsys, cwd, "selu", "--data.loader", "stock")
    assert figures(capsys, cwd, "selu") == stock
