"""Small classifiers trained side by side, against torch's modules trained one by one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory import classifiers
from theory.classifiers import CLASSES, INPUTS, Examples

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, networks=2, examples=7, widths=(5, 4)):
    generator = seeded(seed)
    task = classifiers.draw_task(networks, wrong_labels=0.2, generator=generator)
    found = task.draw(examples, generator)
    return classifiers.he_start(networks, widths, generator), found


def module_of(parameters, network):
    layers = len(parameters) // 2
    modules = []
    for weight, bias in zip(parameters[:layers], parameters[layers:], strict=True):
        layer = nn.Linear(*weight.shape[1:], dtype=torch.float64, device="meta")
        layer = layer.to_empty(device="cpu")
        with torch.no_grad():
            layer.weight.copy_(weight[network].T)
            layer.bias.copy_(bias[network, 0])
        modules += [layer, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def trains_like_torch(train, penalty=0.0):
    @given(SEEDS, st.integers(1, 4))
    @settings(max_examples=15)
    def check(seed, steps):
        start, found = drawn(seed)
        ours = train(start, found, steps=steps, **({"penalty": penalty} if penalty else {}))
        for network in range(2):
            module = module_of(start, network)
            optimizer = torch.optim.Adam(module.parameters(), lr=0.003)
            for _ in range(steps):
                outputs = module(found.inputs[network])
                loss = nn.functional.cross_entropy(outputs, found.classes[network])
                weights = (p for name, p in module.named_parameters() if "weight" in name)
                loss = loss + penalty * sum(weight.abs().sum() for weight in weights)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            # Adam divides by the size of the gradient: a zero one may move by rounding.
            mine = classifiers.scores(ours, found.inputs)[network]
            torch.testing.assert_close(
                mine, module(found.inputs[network]).detach(), rtol=1e-6, atol=1e-6
            )

    return check


@pytest.mark.parametrize("penalty", [0.0, 0.02], ids=str)
def test_networks_side_by_side_train_like_torchs_one_by_one(penalty):
    trains_like_torch(classifiers.trained, penalty)()


@pytest.mark.parametrize("option", ["learning_rate", "penalty"])
def test_another_training_is_rejected(option):
    def wrong(start, found, **options):
        return classifiers.trained(start, found, **{**options, option: 0.01})

    with rejected():
        trains_like_torch(wrong)()


def test_the_start_is_left_as_it_is_and_every_step_is_seen():
    start, found = drawn(1)
    before = [tensor.clone() for tensor in start]
    seen = [[t.clone() for t in p] for p in classifiers.training(start, found, steps=3)]
    assert len(seen) == 3
    assert not torch.equal(seen[0][0], seen[1][0])
    assert all(torch.equal(a, b) for a, b in zip(start, before, strict=True))


def test_training_drops_what_its_generator_draws():
    start, found = drawn(4)
    none, one, same, other = (
        classifiers.trained(start, found, steps=2, rates=rates, generator=seeded(seed))[0]
        for rates, seed in (((), 1), ((0.5, 0.5), 1), ((0.5, 0.5), 1), ((0.5, 0.5), 2))
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, none)
    assert not torch.equal(one, other)


def test_masked_weights_are_zero_and_stay_so():
    start, found = drawn(2)
    masks = [(torch.rand(w.shape, generator=seeded()) < 0.5).double() for w in start[:3]]
    end = classifiers.trained(start, found, steps=4, masks=masks)
    for weights, mask, first in zip(end, masks, start, strict=False):
        assert (weights[mask == 0] == 0).all()
        assert (weights[mask == 1] != first[mask == 1]).any()
    assert len(end) == len(start)
    for wrong in (masks[:2], [*masks, masks[0]]):
        with pytest.raises(ValueError, match=r"zip\(\) argument 2"):
            classifiers.masked(start, wrong)


def test_what_a_mask_hides_has_no_part_in_training():
    start, found = drawn(3)
    masks = [(torch.rand(w.shape, generator=seeded()) < 0.5).double() for w in start[:3]]
    hidden = [w + 5 * (1 - mask) for w, mask in zip(start[:3], masks, strict=True)] + start[3:]
    one, other = (classifiers.trained(s, found, steps=5, masks=masks) for s in (start, hidden))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    one, other = (classifiers.trained(s, found, steps=5) for s in (start, hidden))  # the control
    assert not torch.equal(one[0], other[0])


def drops_as_asked(scores):
    @given(SEEDS, st.floats(0.1, 0.8))
    @settings(max_examples=20)
    def check(seed, rate):
        start, found = drawn(seed, widths=(6,))
        ours = scores(start, found.inputs, rates=(rate,), generator=seeded(seed))
        hidden = torch.relu(found.inputs @ start[0])
        mask = torch.rand(hidden.shape, generator=seeded(seed), dtype=torch.float64) >= rate
        wanted = (hidden * mask / (1 - rate)) @ start[1]
        torch.testing.assert_close(ours, wanted)

    return check


def test_dropout_drops_behind_the_hidden_layers_and_scales_the_rest():
    drops_as_asked(classifiers.scores)()


@pytest.mark.parametrize("factor", [0.0, 0.5], ids=["none", "half the rate"])
def test_another_rate_is_rejected(factor):
    def wrong(parameters, inputs, *, rates, generator):
        rates = tuple(factor * rate for rate in rates)
        return classifiers.scores(parameters, inputs, rates=rates, generator=generator)

    with rejected():
        drops_as_asked(wrong)()


def test_rates_belong_to_their_layers():
    start, found = drawn(3, widths=(200, 1))
    start[1][:], start[2][:] = start[1].abs(), start[2].abs()
    none, first, last = (
        classifiers.scores(start, found.inputs, rates=rates, generator=seeded())
        for rates in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    )
    assert (last == 0).all(dim=-1).any()
    assert not (first == 0).all(dim=-1).any()
    assert torch.equal(none, classifiers.scores(start, found.inputs))


def test_losses_and_accuracies_are_torchs():
    outputs = torch.randn(3, 9, CLASSES, generator=seeded(), dtype=torch.float64)
    classes = torch.randint(CLASSES, (3, 9), generator=seeded())
    losses = classifiers.log_losses(outputs, classes)
    accuracies = classifiers.accuracies(outputs, classes)
    for network in range(3):
        wanted = nn.functional.cross_entropy(outputs[network], classes[network])
        assert float(losses[network]) == pytest.approx(float(wanted))
        right = (outputs[network].argmax(-1) == classes[network]).double().mean()
        assert float(accuracies[network]) == pytest.approx(float(right))


def test_classes_are_the_teachers_but_for_the_wrong_labels():
    generator = seeded(5)
    clean = classifiers.draw_task(2, wrong_labels=0.0, generator=generator)
    found = clean.draw(4000, generator)
    assert isinstance(found, Examples)
    assert found.inputs.shape == (2, 4000, INPUTS)
    teacher = (torch.tanh(found.inputs @ clean.hidden) @ clean.outgoing).argmax(-1)
    assert torch.equal(found.classes, teacher)
    assert set(found.classes.unique().tolist()) == set(range(CLASSES))
    noisy = classifiers.Task(clean.hidden, clean.outgoing, 0.4).draw(4000, generator)
    teacher = (torch.tanh(noisy.inputs @ clean.hidden) @ clean.outgoing).argmax(-1)
    # A drawn class is the right one in a quarter of the cases: 0.4 * 3 / 4 are wrong; six
    # standard errors of 8,000 draws.
    wrong = float((noisy.classes != teacher).double().mean())
    assert wrong == pytest.approx(0.3, abs=6 * (0.21 / 8000) ** 0.5)


def test_weights_start_by_hes_rule_and_tasks_are_as_wide_as_they_say():
    weights = classifiers.he_start(50, (40, 30), seeded())
    for weight, fan_in in zip(weights[:3], (INPUTS, 40, 30), strict=True):
        band = 6 * (2 / weight.numel()) ** 0.5
        assert float((weight**2).mean()) == pytest.approx(2 / fan_in, rel=band)
    assert [tuple(bias.shape) for bias in weights[3:]] == [(50, 1, 40), (50, 1, 30), (50, 1, 4)]
    assert not any(bias.any() for bias in weights[3:])
    task = classifiers.draw_task(300, wrong_labels=0.0, generator=seeded())
    for weight, variance in ((task.hidden, 4 / INPUTS), (task.outgoing, 1.0)):
        band = 6 * (2 / weight.numel()) ** 0.5
        assert float((weight**2).mean()) == pytest.approx(variance, rel=band)
