"""The mean of losses of a network of 16, 32 or 64 bits, of all images of several batches."""

import pytest
import torch
from small_runs import small_classifier, small_data, small_trainer
from torch.nn import functional
from torchmetrics import MeanMetric

from lightning_cifar.backprop.mean_loss import MeanLoss

IMAGES = 2083  # of which bfloat16 knows 2080


def said_and_wanted(folder, precision, metric):
    """What a test says, and the mean that the same network has of all images at once."""
    model, data = small_classifier(), small_data(test=IMAGES)
    model.test_metrics["loss"] = metric
    trainer = small_trainer(folder, precision=precision)
    (said,) = trainer.test(model, data, verbose=False)
    # Whatever the type in which the last step has left the network.
    with torch.no_grad():
        logits = model(data.test_images.images).double()
    return said["test_loss"], float(functional.cross_entropy(logits, data.test_images.labels))


@pytest.mark.parametrize(
    ("precision", "digits"),
    [("32-true", 1e-6), ("64-true", 1e-12), ("bf16-true", 1e-4), ("16-true", 1e-5)],
)
def test_mean_is_that_of_all_images(tmp_path, precision, digits):
    said, wanted = said_and_wanted(tmp_path, precision, MeanLoss())
    assert said == pytest.approx(wanted, rel=digits)


@pytest.mark.parametrize("precision", ["64-true", "bf16-true"])
def test_control_torchmetrics_own_takes_the_type_of_the_network(tmp_path, precision):
    own = MeanMetric(nan_strategy="disable")
    said, wanted = said_and_wanted(tmp_path, precision, own)
    assert said != pytest.approx(wanted, rel={"64-true": 1e-12, "bf16-true": 1e-4}[precision])


def test_losses_of_half_precision_do_not_add_up_to_infinity():
    losses, mean = torch.full((40_000,), 2, dtype=torch.half), MeanLoss().half()
    mean.update(losses)
    assert mean.compute() == 2
    assert losses.sum().isinf()


def test_one_nan_makes_the_mean_nan():
    mean = MeanLoss()
    mean.update(torch.tensor([1.0, float("nan")]))
    assert mean.compute().isnan()
