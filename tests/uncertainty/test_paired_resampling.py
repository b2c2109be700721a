"""The bootstrap is paired: what two predictions share leaves no trace in their difference."""

import pytest
import torch
from controls import assert_rejects
from torch import nn
from torch.nn.functional import one_hot

from lightning_cifar.uncertainty import bootstrap, comparison
from lightning_cifar.uncertainty.bootstrap import resampled_measures
from lightning_cifar.uncertainty.comparison import TEMPERATURE, compare

IMAGES, CLASSES = 40, 4
ODD = 17  # the one image that two predictions see differently
SEEDS = (0, 1, 2)


def mixed_images():
    """Images (40, 1, 2, 2) of whole numbers, some easy and some hard, and their labels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(-2, 3, (IMAGES, 1, 2, 2), generator=generator).float()
    return images, torch.randint(CLASSES, (IMAGES,), generator=generator)


def all_but_one_undecided():
    """Images whose logits are all 0, but for one: a temperature changes only that one."""
    images, labels = torch.zeros(IMAGES, 1, 2, 2), torch.arange(IMAGES) % CLASSES
    images[ODD, 0, 0, 1] = 3.0
    return images, labels


def network_that_never_drops():
    """Pixels are logits, behind dropout that is switched on and spares every unit.

    All numbers are whole, so that every way to compute the sums gives the same ones.
    """
    linear = nn.Linear(CLASSES, CLASSES)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(CLASSES))
        linear.bias.zero_()
    return nn.Sequential(nn.Flatten(), nn.Dropout(1e-12), linear)


def compared(images, labels, temperature=1.0, seed=0):
    return compare(
        network_that_never_drops(), images, labels, temperature=temperature, samples=1, seed=seed
    )


def equals_differ_by_nothing(seed=0):
    """Three predictions that are one and the same: no difference, and an interval from 0 to 0."""

    def check():
        found = compared(*mixed_images(), seed=seed)
        kinds = (*found.differences.values(), found.beyond_temperature)
        for differences in kinds:
            for key, difference in differences.items():
                assert (difference.value, difference.low, difference.high) == (0, 0, 0), key
                assert difference.verdict.startswith("no difference"), key

    return check


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_predictions_have_an_interval_from_0_to_0(seed):
    equals_differ_by_nothing(seed)()


def times_drawn(seed):
    """How often each of the 2,000 resamples draws the odd image, counted in plain Python."""
    generator = torch.Generator().manual_seed(seed)
    counts = []
    while len(counts) < bootstrap.RESAMPLES:
        rows = min(bootstrap.RESAMPLES_AT_ONCE, bootstrap.RESAMPLES - len(counts))
        drawn = torch.randint(IMAGES, (rows, IMAGES), generator=generator).tolist()
        counts.extend(row.count(ODD) for row in drawn)
    return counts


def change_of_the_odd_image(label):
    """What halving its logits adds to the image's own measures, those that are means."""
    sharp = torch.tensor([0.0, 3.0, 0.0, 0.0], dtype=torch.float64).log_softmax(0)
    soft = torch.tensor([0.0, 1.5, 0.0, 0.0], dtype=torch.float64).log_softmax(0)
    truth = one_hot(label, CLASSES)
    brier = (soft.exp() - truth).square().sum() - (sharp.exp() - truth).square().sum()
    return {"accuracy": 0.0, "nll": float(sharp[label] - soft[label]), "brier": float(brier)}


def differs_by_one_image(seed=0):
    """The bootstrap can take the values 0, 1, 2, … times one image's share, and no others.

    40 draws out of 40 hit an image never, once, … with probability 0.363, 0.373, 0.186, 0.061,
    0.014, …: 2.5 % lie at 0 times and 97.5 % at 3 times (0.983 at most 3 times, 0.922 at most
    twice). Mirrored at the difference itself, which is 1 time: from -1 to 2 times, widened by as
    much as the 2,000 resamples' mean is not 1.
    """

    def check():
        images, labels = all_but_one_undecided()
        found = compared(images, labels, temperature=2.0, seed=seed)
        counts = times_drawn(seed)
        assert [sorted(counts)[rank] for rank in (50, 1949)] == [0, 3]
        bias = abs(sum(counts) / len(counts) - 1)
        for key, change in change_of_the_odd_image(labels[ODD]).items():
            for share, difference in (
                (change / IMAGES, found.differences[TEMPERATURE][key]),
                (-change / IMAGES, found.beyond_temperature[key]),
            ):
                bounds = sorted([(-1 - bias) * share, (2 + bias) * share])
                assert difference.value == pytest.approx(share, abs=1e-7), key
                assert [difference.low, difference.high] == pytest.approx(bounds, abs=1e-7), key

    return check


@pytest.mark.parametrize("seed", SEEDS)
def test_predictions_that_differ_on_one_image_have_that_images_interval(seed):
    differs_by_one_image(seed)()


def another_seed_each(monkeypatch):
    """The mistake: each prediction has resamples of its own."""
    used = iter(range(100))

    def unpaired(log_probabilities, labels, seed):
        return resampled_measures(log_probabilities, labels, seed + next(used))

    monkeypatch.setattr(comparison, "resampled_measures", unpaired)


def another_order_each(monkeypatch):
    """The same draws, but every other prediction has its images in another order."""
    turn = iter(range(100))

    def shuffled(log_probabilities, labels, seed):
        shift = next(turn)
        return resampled_measures(log_probabilities.roll(shift, 0), labels.roll(shift), seed)

    monkeypatch.setattr(comparison, "resampled_measures", shuffled)


def global_generator(monkeypatch):
    """Draws that follow each other, whatever the seed."""

    def drawn(images, resamples, seed):
        yield from weights(images, resamples, int(torch.randint(1 << 30, ())))

    weights = bootstrap.resample_weights
    monkeypatch.setattr(bootstrap, "resample_weights", drawn)


@pytest.mark.parametrize("mistake", [another_seed_each, another_order_each, global_generator])
@pytest.mark.parametrize("check", [equals_differ_by_nothing, differs_by_one_image])
def test_control_unpaired_resamples_are_rejected(monkeypatch, mistake, check):
    mistake(monkeypatch)
    assert_rejects(check())


def without_repetition(monkeypatch):
    """Every image once in each resample: no interval at all."""

    def permuted(images, resamples, seed):
        yield torch.ones(resamples, images, dtype=torch.float64)

    monkeypatch.setattr(bootstrap, "resample_weights", permuted)


def narrower(monkeypatch):
    """An interval of 85 %."""
    monkeypatch.setattr(bootstrap, "COVERAGE", 0.85)


@pytest.mark.parametrize("mistake", [without_repetition, narrower])
def test_control_other_intervals_of_one_image_are_rejected(monkeypatch, mistake):
    mistake(monkeypatch)
    assert_rejects(differs_by_one_image())
