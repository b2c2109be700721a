"""The range test: rates that rise at every update of a fit like the one to come."""

import copy
import itertools
import math

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import LightningModule
from torch import nn
from torch.nn import functional

from lightning_cifar.rate_search.fit_options import PLAIN, FitOptions
from lightning_cifar.rate_search.search import BLOWN_UP, HIGHEST_RATE, LOWEST_RATE
from lightning_cifar.rate_search.short_fits import ShortFits

CPU = torch.device("cpu")


def batches(seed=0, size=32, count=20):
    """Two overlapping clouds in the plane."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        labels = torch.randint(2, (size,), generator=generator)
        made.append((torch.randn(size, 2, generator=generator) + 2 * labels[:, None], labels))
    return made


class Given:
    """A loader of batches that were made before; ``scale`` is a factor of each that it gives."""

    def __init__(self, made, scale=lambda number: 1.0):
        self.made, self.scale, self.given = made, scale, 0

    def __len__(self):
        return len(self.made)

    def __iter__(self):
        for points, labels in self.made:
            self.given += 1
            yield points * self.scale(self.given - 1), labels


class Points(LightningModule):
    """A small classifier of points, with or without dropout."""

    def __init__(self, seed=0, dropout=0.0):
        super().__init__()
        self.learning_rate = None
        generator = torch.Generator().manual_seed(seed)
        self.network = nn.Sequential(
            nn.Linear(2, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 2)
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.5, generator=generator)

    def training_step(self, batch, batch_index):
        points, labels = batch
        return functional.cross_entropy(self.network(points), labels)

    def validation_step(self, batch, batch_index):
        self.log("val_loss", self.training_step(batch, batch_index))

    def configure_optimizers(self):
        return torch.optim.NAdam(self.parameters(), lr=self.learning_rate)


def range_test(module, loader=None, *, steps=200, options=PLAIN):
    data = {
        "train_dataloaders": Given(batches()) if loader is None else loader,
        "val_dataloaders": Given(batches(seed=1, count=2)),
    }
    return ShortFits(module, data, CPU, options).range_test(steps)


def test_rates_rise_evenly_on_a_logarithmic_axis():
    test = range_test(Points(), steps=13)
    assert len(test.rates) == len(test.losses) == len(test.smoothed) == 13
    assert test.rates[0] == LOWEST_RATE
    assert test.rates[-1] == pytest.approx(HIGHEST_RATE)
    ratios = [after / before for before, after in itertools.pairwise(test.rates)]
    assert ratios == pytest.approx([math.sqrt(10)] * 12)


def test_loss_is_lowest_at_a_rate_between_too_low_and_too_high():
    """Measured over ten seeds: between 0.009 and 1; 1e-4 moves no weight by a hundredth."""
    for seed in range(3):
        test = range_test(Points(seed), Given(batches(seed)))
        assert 1e-3 < test.rate_of_lowest_loss <= 1
        assert min(test.smoothed) < 0.8 * test.smoothed[0]


def test_range_test_leaves_module_and_generators_as_they_were():
    module = Points(dropout=0.5)
    before, state = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    range_test(module, steps=20)
    assert module.network[2].training
    assert torch.equal(state, torch.get_rng_state())
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name])


def test_dropout_is_off():
    """It adds noise to what is looked for; the control is a network whose noise is its own."""
    assert range_test(Points(dropout=0.5), steps=30) == range_test(Points(), steps=30)

    class Noisy(Points):
        def training_step(self, batch, batch_index):
            points, labels = batch
            dropped = functional.dropout(points, 0.5)
            return super().training_step((dropped, labels), batch_index)

    assert range_test(Noisy(), steps=30) != range_test(Points(), steps=30)


def test_range_test_stops_where_the_loss_blows_up():
    """After 50 updates the points, and with them the loss, are huge."""
    module = Points()
    module.network = module.network[:1]
    test = range_test(module, Given(batches(), lambda number: 1e4 if number >= 50 else 1.0))
    assert 50 <= len(test.rates) < 70
    assert test.smoothed[-1] > BLOWN_UP * min(test.smoothed)
    assert test.rate_of_lowest_loss < test.rates[50]


def test_range_test_stops_before_a_loss_that_is_not_a_number():
    test = range_test(Points(), Given(batches(), lambda number: math.nan if number == 30 else 1.0))
    assert len(test.rates) == 30
    assert all(map(math.isfinite, test.smoothed))


def by_hand(made, steps, *, accumulated=1, largest=math.inf, rate_per_batch=False):
    """Rates and losses of an update each, from a plain loop over batches, again and again."""
    module = Points().double()
    optimiser = torch.optim.NAdam(module.parameters(), lr=LOWEST_RATE)
    rates, losses = [], []
    endless, count = itertools.cycle(made), itertools.count()
    for step in range(steps):
        optimiser.zero_grad()
        parts = []
        for _ in range(accumulated):
            position = next(count) / accumulated if rate_per_batch else step
            rate = LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** (position / (steps - 1))
            loss = module.training_step(next(endless), 0)
            (loss / accumulated).backward()
            parts.append(loss.item())
        nn.utils.clip_grad_norm_(module.parameters(), largest)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        rates.append(rate)
        losses.append(sum(parts) / len(parts))
    return rates, losses


def updates_as_by_hand(options, **hand):
    """A check of 30 updates in float64; the batches are an even number."""

    def check():
        made = [(points.double(), labels) for points, labels in batches()]
        chosen = FitOptions(precision="64-true", **options)
        test = range_test(Points().double(), Given(made), steps=30, options=chosen)
        limit = options.get("limit_train_batches", len(made))
        rates, losses = by_hand(made[:limit], 30, **hand)
        assert test.rates == pytest.approx(rates, rel=1e-12)
        assert test.losses == pytest.approx(losses, rel=1e-6)

    return check


ACCUMULATED = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.05, "limit_train_batches": 6}


def test_updates_are_those_of_the_fit():
    updates_as_by_hand({})()
    updates_as_by_hand(ACCUMULATED, accumulated=2, largest=0.05)()


@pytest.mark.parametrize(
    "wrong",
    [
        {"accumulated": 1, "largest": 0.05},
        {"accumulated": 2},
        {"accumulated": 2, "largest": 0.05, "rate_per_batch": True},
    ],
    ids=["no accumulation", "no clipping", "a rate for each batch"],
)
def test_control_other_updates_are_rejected(wrong):
    assert_rejects(updates_as_by_hand(ACCUMULATED, **wrong))
