"""Whether a run counts as failed, and what is kept of its logits."""

import base64
import math
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lightning_cifar.runs.records import RUNNING, diverged
from lightning_cifar.study.fit_runs import MostAccurate
from lightning_cifar.study.outcome import failure_of, figures_on_test, guessing, write_logits

PATIENCE, EPOCHS = "val_loss had not fallen for 4 validations", "all 7 epochs done"


def fit(reason=EPOCHS, losses=(2.0, 1.5), best=1, classes=10):
    epochs = [SimpleNamespace(val_loss=loss) for loss in losses]
    classifier = SimpleNamespace(classes=classes)
    return SimpleNamespace(
        stop_reason=reason, epochs=epochs, best_epoch=best, classifier=classifier
    )


@pytest.mark.parametrize("reason", [PATIENCE, EPOCHS])
def test_a_run_that_learned_has_not_failed(reason):
    assert failure_of(fit(reason)) == ""


@pytest.mark.parametrize("reason", [diverged(3, 1, 0.1), RUNNING])
def test_any_other_end_is_a_failure(reason):
    assert failure_of(fit(reason)) == reason


@pytest.mark.parametrize(("losses", "best"), [((2.4, 2.31), 1), ((2.0,), -1), ((), -1)])
def test_a_run_no_better_than_guessing_has_failed(losses, best):
    lowest = min(losses, default=math.inf)
    assert failure_of(fit(losses=losses, best=best)) == (
        f"no learning: the best validation loss, {lowest:.4g}, is not below ln 10"
    )
    if best >= 0:  # with more classes, guessing is worse
        assert failure_of(fit(losses=losses, best=best, classes=20)) == ""


def test_guessing_is_the_loss_of_equal_chances():
    assert guessing(10) == pytest.approx(2.302585)


LOGITS = torch.tensor([[3.0, 1.0], [0.0, 2.0], [5.0, 4.0]])


def test_right_images_are_packed_in_order():
    found = figures_on_test(LOGITS, torch.tensor([0, 0, 0]))
    packed = np.frombuffer(base64.b64decode(found["test_right"]), dtype=np.uint8)
    assert np.unpackbits(packed)[:3].tolist() == [1, 0, 1]
    assert found["test"]["accuracy"] == pytest.approx(2 / 3)
    losses = torch.nn.functional.cross_entropy(LOGITS, torch.tensor([0, 0, 0]))
    assert found["test"]["nll"] == pytest.approx(float(losses), rel=1e-6)


def test_logits_are_kept_with_their_hash(tmp_path):
    found = write_logits({"test": LOGITS, "validation": LOGITS[:2]}, tmp_path, "run")
    assert found.keys() == {"file", "sha256", "test", "validation"}
    assert (found["file"], found["test"], found["validation"]) == ("run.npz", [3, 2], [2, 2])
    path = tmp_path / "logits" / "run.npz"
    assert found["sha256"] == sha256(path.read_bytes()).hexdigest()
    with np.load(path) as arrays:
        assert {key: arrays[key].dtype for key in arrays} == {
            "test": np.float16,
            "validation": np.float16,
        }
        assert np.array_equal(arrays["test"], LOGITS.half().numpy())


def test_the_most_accurate_weights_survive_an_interruption():
    kept = MostAccurate(2)
    kept.accuracies, kept.checkpoints = [0.5, 0.25], [(3, {"w": 1}), (-1, {})]
    other = MostAccurate(2)
    assert other.state_dict() == {"accuracies": [-1.0, -1.0], "checkpoints": [(-1, {})] * 2}
    other.load_state_dict(kept.state_dict())
    assert other.accuracies == [0.5, 0.25]
    assert other.accuracies is not kept.accuracies
    assert other.checkpoints == [(3, {"w": 1}), (-1, {})]
