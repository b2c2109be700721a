"""Moments of hidden activations, of a network alone and of members of a stack."""

import pytest
import torch
from controls import assert_rejects
from small_runs import small_classifier

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.stack.activations import activation_records, is_probed
from lightning_cifar.stack.network import ELEMENTWISE, StackedNetwork

IMAGES = torch.randn((40, 3, 32, 32), generator=torch.Generator().manual_seed(0))
DROPOUT = {"alpha_dropout": {"dropout_rate": 0.5, "dropout_everywhere": True}}


def networks_of(variant):
    options = {"depth": 3, "width": 5} | DROPOUT.get(variant, {})
    return [small_classifier(VARIANTS[variant], seed=seed, **options).network for seed in range(3)]


def seen_by_hooks(network):
    """Means and variances of what the activation functions return, by another way."""
    outputs = []
    hooks = [
        layer.register_forward_hook(lambda _, __, output: outputs.append(output.double().numpy()))
        for layer in network
        if isinstance(layer, ELEMENTWISE)
    ]
    with torch.no_grad():
        network.eval()(IMAGES)
    for hook in hooks:
        hook.remove()
    return [each.mean() for each in outputs], [each.var() for each in outputs]


def are_those_of_the_layers(variant, measure):
    def check():
        members = networks_of(variant)
        for member, record in zip(members, measure(members), strict=True):
            means, variances = seen_by_hooks(member)
            assert record.epoch == 5
            assert record.means == pytest.approx(means, rel=6e-4, abs=1e-6)
            assert record.variances == pytest.approx(variances, rel=6e-4)

    return check


def of_stack(members):
    return activation_records(StackedNetwork(members), IMAGES, 5)


def of_each(members):
    return [activation_records(member, IMAGES, 5)[0] for member in members]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("measure", [of_stack, of_each])
def test_records_are_the_moments_of_the_layers(variant, measure):
    are_those_of_the_layers(variant, measure)()


def of_reversed(members):
    return of_stack(members)[::-1]


def of_fewer_images(members):
    return activation_records(StackedNetwork(members), IMAGES[:20], 5)


@pytest.mark.parametrize("measure", [of_reversed, of_fewer_images])
def test_control_other_moments_are_rejected(measure):
    assert_rejects(are_those_of_the_layers("elu", measure))


@pytest.mark.parametrize("training", [True, False])
def test_measuring_leaves_no_trace(training):
    stack = StackedNetwork(networks_of("batch_norm")).train(training)
    before = {name: value.clone() for name, value in stack.state_dict().items()}
    activation_records(stack, IMAGES, 0)
    assert all(module.training == training for module in stack.modules())
    assert all(torch.equal(value, before[name]) for name, value in stack.state_dict().items())


def test_probed_epochs_grow_apart():
    assert [e for e in range(-1, 200) if is_probed(e)] == [-1, 0, 1, 2, 5, 10, 20, 40, 80, 160]
