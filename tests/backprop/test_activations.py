import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightning_cifar.backprop.activations import FEW, constants_of, elu_, evaluated


def same_function(function, layer):
    @given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.sampled_from([1, FEW, FEW + 1]))
    def check(seed, size, count):
        generator = torch.Generator().manual_seed(seed)
        values = size * torch.randn(count, generator=generator, dtype=torch.float64)
        assert torch.allclose(function(values.clone()), layer(values), atol=1e-14)

    return check


@pytest.mark.parametrize("layer", [nn.ELU(), nn.ELU(alpha=0.5), nn.SELU()], ids=str)
def test_activations_in_place_are_pytorchs(layer):
    same_function(lambda values: elu_(values, *constants_of(layer)), layer)()


def test_control_another_activation_is_rejected():
    assert_rejects(same_function(nn.functional.elu, nn.SELU()))


@pytest.mark.parametrize("wrong", [nn.SELU(), nn.ELU(alpha=0.5)], ids=str)
def test_control_another_way_for_many_is_rejected(wrong):
    """Few entries go through PyTorch's own kernel: as many as the check needs do not."""

    def many_differ(values):
        return elu_(values, *constants_of(wrong if values.numel() > FEW else nn.ELU()))

    assert_rejects(same_function(many_differ, nn.ELU()))


def test_inputs_stay_unless_they_may_go():
    inputs = torch.linspace(-2, 2, 5)
    before = inputs.clone()
    evaluated(nn.Sequential(nn.SELU()), inputs)
    assert inputs.equal(before)


@pytest.mark.parametrize("overwrite", [False, True])
def test_only_inputs_that_may_be_overwritten_are(overwrite):
    inputs = torch.linspace(-2, 2, 5)
    before = inputs.clone()
    outputs = evaluated(nn.Sequential(nn.SELU()), inputs, overwrite=overwrite)
    assert torch.allclose(outputs, torch.selu(before))
    assert torch.equal(inputs, before) is not overwrite


def seen_by_hooks(network, inputs, *, gradient):
    """What hooks on the layers, and on a layer within one, are handed."""
    seen = []
    parts = [network, network[0], network[1], network[2][0]]
    hooks = [each.register_forward_hook(lambda *args: seen.append(args[2])) for each in parts]
    with torch.set_grad_enabled(gradient):
        outputs = network(inputs) if gradient else evaluated(network, inputs)
    for hook in hooks:
        hook.remove()
    return [each.detach() for each in [*seen, outputs]]


def test_hooks_see_the_same_without_a_gradient():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ELU(), nn.Sequential(nn.Linear(4, 4)), nn.SELU())
    inputs = torch.randn(5, 3)
    wanted = seen_by_hooks(network, inputs, gradient=True)
    found = seen_by_hooks(network, inputs, gradient=False)
    assert len(found) == 5
    assert all(map(torch.allclose, found, wanted))


class Halved(nn.Sequential):
    def forward(self, inputs):
        return super().forward(inputs) / 2


def test_a_sequence_with_its_own_forward_is_called():
    assert evaluated(Halved(nn.ELU()), torch.ones(2)).tolist() == [0.5, 0.5]
