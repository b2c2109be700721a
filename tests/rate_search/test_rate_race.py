"""Networks that race in a stack end as they would have ended alone."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from lightning_cifar import networks
from lightning_cifar.data.batches import epoch_order
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search import race as rate_race
from lightning_cifar.rate_search.race import members_at_once, train_many

BATCH, EPOCHS, SEED = 16, 4, 3
RATES = (3e-4, 3e-3, 3e-2)


def images_of(count, seed):
    """Images whose brightness gives the label away, with noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=generator)
    noise = torch.randint(0, 60, (count, 3, 32, 32), generator=generator)
    return LabelledImages((labels[:, None, None, None] * 20 + noise).to(torch.uint8), labels)


TRAIN, VALIDATION = images_of(80, 0), images_of(300, 1)


def standardise(images):
    return (images.double() - 120) / 60


def small_network(build=networks.elu_network, seed=0):
    return build(2, 8, torch.Generator().manual_seed(seed)).double()


def trained(rates=RATES, **options):
    settings = {"batch_size": BATCH, "epochs": EPOCHS, "seed": SEED} | options
    members = settings.pop("members", [small_network()] * len(rates))
    return train_many(members, rates, TRAIN, VALIDATION, standardise, **settings)


def trained_alone(network, rate, order=epoch_order):
    """Validation losses and accuracies by epoch, with PyTorch's own NAdam."""
    optimiser = torch.optim.NAdam(network.parameters(), lr=rate)
    figures = []
    for epoch in range(EPOCHS):
        network.train()
        for chosen in order(len(TRAIN), SEED, epoch).split(BATCH):
            optimiser.zero_grad()
            logits = network(standardise(TRAIN.images[chosen]))
            functional.cross_entropy(logits, TRAIN.labels[chosen]).backward()
            optimiser.step()
        network.eval()
        with torch.no_grad():
            logits = network(standardise(VALIDATION.images))
            loss = functional.cross_entropy(logits, VALIDATION.labels).item()
        accuracy = (logits.argmax(1) == VALIDATION.labels).double().mean().item()
        figures.append((loss, accuracy))
    return figures


@pytest.fixture
def double_precision():
    """PyTorch's NAdam keeps its momentum product in the default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def same_as_alone(order):
    """A check of every figure against networks trained by themselves in the order given."""

    def check():
        for build in (networks.elu_network, networks.batch_norm_network):
            runs = trained(members=[small_network(build)] * 3)
            for run, rate in zip(runs, RATES, strict=True):
                alone = trained_alone(small_network(build), rate, order)
                pairs = zip(run.val_losses, run.val_accuracies, strict=True)
                for (loss, accuracy), expected in zip(pairs, alone, strict=True):
                    assert math.isclose(loss, expected[0], rel_tol=1e-7)
                    assert math.isclose(accuracy, expected[1], abs_tol=1e-12)

    return check


@pytest.mark.usefixtures("double_precision")
def test_figures_are_those_of_networks_trained_alone():
    same_as_alone(epoch_order)()


@pytest.mark.usefixtures("double_precision")
def test_another_order_is_noticed():
    with pytest.raises(AssertionError):
        same_as_alone(lambda count, seed, epoch: epoch_order(count, seed, 0))()


def test_networks_given_are_not_changed():
    network = small_network()
    trained(members=[network] * 3)
    for parameter, untouched in zip(
        network.parameters(), small_network().parameters(), strict=True
    ):
        assert torch.equal(parameter, untouched)


def test_networks_may_differ_in_their_start():
    first, second = trained(
        (1e-3, 1e-3), members=[small_network(seed=0), small_network(seed=1)], epochs=1
    )
    assert first.val_losses != second.val_losses


def test_kept_weights_are_those_of_the_best_epoch():
    for run in trained((3e-3, 0.3), epochs=6):
        network = small_network()
        network.load_state_dict(run.best_state)
        network.eval()
        with torch.no_grad():
            logits = network(standardise(VALIDATION.images))
        loss = functional.cross_entropy(logits, VALIDATION.labels).item()
        assert run.best_epoch == run.val_losses.index(min(run.val_losses))
        assert math.isclose(loss, run.best_loss, rel_tol=1e-9)


def broken_network():
    """One whose first step makes its loss infinite."""
    network = small_network()
    with torch.no_grad():
        network[-1].weight.fill_(torch.inf)
    return network


def test_diverged_network_leaves_and_disturbs_nobody():
    undisturbed = trained((1e-3, 1e-3, 1e-2))
    runs = trained((1e-3, 1e-3, 1e-2), members=[small_network(), broken_network(), small_network()])
    assert [run.stop_reason for run in runs] == ["epochs", "diverged", "epochs"]
    assert runs[1].val_losses == [math.inf]
    assert runs[1].best_epoch == -1
    assert runs[1].best_state == {}
    for index in (0, 2):
        assert runs[index].val_losses == pytest.approx(undisturbed[index].val_losses, rel=1e-9)


def test_race_ends_when_all_have_diverged():
    assert trained((1e-3,), members=[broken_network()])[0].stop_reason == "diverged"


def stops_after(patience):
    """A check that each run ends at its first ``patience`` epochs without a lower loss."""

    def check():
        never = trained((1e-5, 0.1, 0.3), epochs=10)
        runs = trained((1e-5, 0.1, 0.3), epochs=10, patience=2)
        for run, whole in zip(runs, never, strict=True):
            length = epochs_until_patience_ends(whole.val_losses, patience)
            assert run.val_losses == pytest.approx(whole.val_losses[:length], rel=1e-7)

    return check


def epochs_until_patience_ends(losses, patience):
    lowest, waited = math.inf, 0
    for epoch, loss in enumerate(losses):
        waited = 0 if loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited == patience:
            return epoch + 1
    return len(losses)


def test_runs_stop_when_patience_ends():
    stops_after(2)()
    reasons = {run.stop_reason for run in trained((1e-5, 0.1), epochs=10, patience=2)}
    assert reasons == {"epochs", "patience"}


@pytest.mark.parametrize("wrong", [1, 3])
def test_other_patience_is_rejected(wrong):
    with pytest.raises(AssertionError):
        stops_after(wrong)()


def test_many_stacks_give_the_figures_of_one(monkeypatch):
    together = trained()
    monkeypatch.setattr(rate_race, "members_at_once", lambda network, batch_size: 2)
    for run, other in zip(trained(), together, strict=True):
        assert run.val_losses == pytest.approx(other.val_losses, rel=1e-9)


def test_members_at_once_keep_to_the_memory():
    network = networks.elu_network(20, 100, torch.Generator().manual_seed(0))
    count = members_at_once(network, 32)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert 16 <= count <= rate_race.MEMORY / (4 * parameters * rate_race.COPIES)
    assert members_at_once(network, 10_000) < count
    assert members_at_once(nn.Sequential(nn.Linear(3072, 100_000, device="meta")), 32) == 1


@pytest.mark.parametrize("rates", [(1e-3,), (1e-3, 0.0, 1e-3), (1e-3, math.nan, 1e-3)])
def test_impossible_rates_are_refused(rates):
    with pytest.raises(InputError, match="3 networks need as many positive learning rates"):
        trained(rates, members=[small_network()] * 3)


def test_schedule_multiplies_the_rates():
    """A schedule that is constant at a half is half the rate; at 1 it is the rate itself."""
    halved = trained((6e-3,), schedule=lambda progress: 0.5)[0]
    plain = trained((3e-3,))[0]
    assert halved.val_losses == pytest.approx(plain.val_losses, rel=1e-9)
    assert trained((6e-3,))[0].val_losses != pytest.approx(plain.val_losses, rel=1e-3)


def test_schedule_runs_from_start_to_end_of_all_steps():
    seen = []

    def schedule(progress):
        seen.append(progress)
        return 1.0

    trained((3e-3,), schedule=schedule)
    steps = EPOCHS * len(TRAIN) // BATCH
    assert sorted(set(seen))[:steps] == pytest.approx([step / (steps - 1) for step in range(steps)])
