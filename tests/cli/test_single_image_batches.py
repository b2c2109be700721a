"""Batches of one image: batch normalisation has nothing to normalise by, the others train."""

import pytest
from commands import fit, record_of, run, smoke

REFUSAL = (
    "batch normalisation needs two or more images in a batch, got 1; give a larger data.batch_size"
)


@pytest.mark.parametrize("rate", ["1e-3", "null"])
def test_batch_normalisation_refuses_them(cwd, capsys, rate):
    options = ["--data.batch_size", "1", f"--model.learning_rate={rate}"]
    code, _, error = run(capsys, *smoke("batch_norm"), *options, "--run", "run")
    assert code == 2
    assert error.splitlines()[-1] == f"lightning-cifar: {REFUSAL}"
    assert "Traceback" not in error
    assert not (cwd / "run").exists()


def test_control_two_images_are_enough_and_others_train_with_one(cwd, capsys):
    fit(capsys, "--data.batch_size", "2", variant="batch_norm")
    assert record_of(cwd)["best_step"] > 0
    fit(capsys, "--data.batch_size", "1", name="one")
    assert record_of(cwd, "one")["best_step"] == 270
