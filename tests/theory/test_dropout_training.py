"""Question 7 on trained networks: when they are trained, and what Monte Carlo dropout saves."""

import pytest
import torch
from seeded import seeded

from theory import classifiers
from theory.dropout import calibration, duration
from theory.dropout.duration import HIDDEN, steps_until_trained


@pytest.mark.parametrize("rates", [(), (0.0, 0.3, 0.2)], ids=["none", "dropout"])
def test_a_network_is_trained_when_its_loss_on_fresh_examples_is_lowest(rates):
    options = {"networks": 8, "steps": 24, "seed": 5, "examples": 6, "fresh": 30}
    found = steps_until_trained(rates, every=3, **options)
    generator = seeded(5)
    task = classifiers.draw_task(8, wrong_labels=0.15, generator=generator)
    learned, unseen = task.draw(6, generator), task.draw(30, generator)
    start = classifiers.he_start(8, HIDDEN, generator)
    losses = [
        classifiers.log_losses(classifiers.scores(p, unseen.inputs), unseen.classes)
        for p in classifiers.training(start, learned, steps=24, rates=rates, generator=generator)
    ]
    wanted = torch.stack(losses[2::3]).argmin(dim=0) * 3 + 3
    assert torch.equal(found, wanted)
    assert len(set(found.tolist())) > 2  # some early, some late


def test_durations_follow_their_seed():
    one, same, other = (
        steps_until_trained((), networks=4, steps=40, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_networks_are_narrow_and_three_deep():
    assert duration.HIDDEN == (24, 24, 24)


def test_the_fitted_temperature_has_the_lowest_loss():
    outputs = 4 * torch.randn(3, 500, 4, generator=seeded(), dtype=torch.float64)
    chances = (outputs / 2).softmax(-1).flatten(0, 1)  # as if the right temperature were 2
    classes = torch.multinomial(chances, 1, generator=seeded()).reshape(3, 500)
    found = calibration.fitted_temperature(outputs, classes)
    assert found.tolist() == pytest.approx([2.0] * 3, abs=0.5)
    own = classifiers.log_losses(outputs / found[:, None, None], classes)
    for factor in (0.8, 1.25):  # the control: another temperature is worse
        other = classifiers.log_losses(outputs / (factor * found)[:, None, None], classes)
        assert (other > own).all()


def test_temperatures_are_sought_from_a_half_to_eight():
    right = torch.eye(4, dtype=torch.float64)[None]
    assert calibration.fitted_temperature(right, torch.arange(4)[None]).tolist() == [0.5]
    wrong = torch.tensor([[1, 2, 3, 0]])
    assert calibration.fitted_temperature(right, wrong).tolist() == [8.0]


@pytest.fixture(scope="module")
def trained():
    return calibration.train(networks=3, steps=30, seed=6, examples=20, fresh=25)


def test_training_is_with_dropout_and_the_temperature_is_of_further_examples(trained):
    generator = seeded(6)
    task = classifiers.draw_task(3, wrong_labels=0.15, generator=generator)
    learned = task.draw(20, generator)
    held_out, unseen = task.draw(25, generator), task.draw(25, generator)
    start = classifiers.he_start(3, HIDDEN, generator)
    wanted = classifiers.trained(
        start, learned, steps=30, rates=(0.1, 0.1, 0.1), generator=generator
    )
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters, wanted, strict=True))
    assert torch.equal(trained.fresh.inputs, unseen.inputs)
    outputs = classifiers.scores(wanted, held_out.inputs)
    temperature = calibration.fitted_temperature(outputs, held_out.classes)
    assert torch.equal(trained.temperature, temperature)


def test_savings_by_hand(trained):
    found = calibration.savings(trained, (0.2, 0.0, 0.3), noise=0.5, seed=9, samples=3)
    generator = seeded(9)
    shape, classes = trained.fresh.inputs.shape, trained.fresh.classes
    drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
    inputs = trained.fresh.inputs + 0.5 * drawn
    passes = [
        classifiers.scores(
            trained.parameters, inputs, rates=(0.2, 0.0, 0.3), generator=generator
        ).softmax(-1)
        for _ in range(3)
    ]

    def loss(probabilities):
        own = probabilities.gather(-1, classes[..., None])[..., 0]
        return -own.log().mean(dim=1)

    plain = classifiers.scores(trained.parameters, inputs)
    averaged = loss(sum(passes) / 3)
    cooled = (plain / trained.temperature[:, None, None]).softmax(-1)
    torch.testing.assert_close(found.plain, loss(plain.softmax(-1)) - averaged)
    torch.testing.assert_close(found.tempered, loss(cooled) - averaged)
    torch.testing.assert_close(found.single, sum(map(loss, passes)) / 3 - averaged)
    assert (found.single >= 0).all()  # the logarithm is concave


def test_passes_without_dropout_save_nothing(trained):
    found = calibration.savings(trained, (0.0, 0.0, 0.0), noise=0.0, seed=9)
    assert float(found.plain.abs().max()) < 1e-12
    assert float(found.single.abs().max()) < 1e-12
    assert calibration.savings(trained, (0.4,) * 3, noise=0.0, seed=9).single.min() > 1e-3
